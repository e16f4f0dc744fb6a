#!/bin/sh
# Run once by PostgreSQL's image, when its volume is empty: a role and a database each for Ravine and for MLflow.
# The administrator postgres loses its password: it is let in from inside this container alone.
set -eu
: "${POSTGRES_PASSWORD:=$(cat "${POSTGRES_PASSWORD_FILE:-/dev/null}")}"
: "${MLFLOW_DATABASE_PASSWORD:=$(cat "${MLFLOW_DATABASE_PASSWORD_FILE:-/dev/null}")}"
: "${POSTGRES_PASSWORD:?is empty}" "${MLFLOW_DATABASE_PASSWORD:?is empty}"
export POSTGRES_PASSWORD MLFLOW_DATABASE_PASSWORD
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username postgres --dbname postgres <<'SQL'
\getenv ravine_password POSTGRES_PASSWORD
\getenv mlflow_password MLFLOW_DATABASE_PASSWORD
CREATE ROLE ravine LOGIN PASSWORD :'ravine_password';
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE DATABASE ravine OWNER ravine;
CREATE DATABASE mlflow OWNER mlflow;
REVOKE CONNECT ON DATABASE ravine, mlflow, postgres FROM PUBLIC;
ALTER ROLE postgres PASSWORD NULL;
SQL
