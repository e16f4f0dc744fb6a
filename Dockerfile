# The image of every Ravine process: migrations, API, recorder, MLflow server, workers and Ray nodes.
# For GPUs: --build-arg TORCH_INDEX_URL=https://download.pytorch.org/whl/cu130

FROM python:3.11-slim-bookworm AS dependencies
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/ravine
COPY constraints.txt ./
# That index is asked for torch alone.
RUN pip --python /opt/ravine/bin/python install --no-deps --constraint constraints.txt --extra-index-url "$TORCH_INDEX_URL" torch
COPY pyproject.toml ./
# The project without its code: a change of the code, or of README, installs none of this again.
RUN touch README.md LICENSE \
 && pip --python /opt/ravine/bin/python install --constraint constraints.txt '.[ray]' \
 && pip --python /opt/ravine/bin/python uninstall --yes ravine

FROM dependencies AS code
COPY LICENSE README.md ./
COPY service service
COPY sweeps sweeps
COPY trainer trainer
# pip compiles the bytecode: the containers' root file systems are read-only.
RUN pip --python /opt/ravine/bin/python install --no-deps --prefix /code .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin ravine \
 && install --directory --owner=ravine --group=ravine --mode=0700 /var/lib/ravine /var/lib/mlflow
COPY --from=dependencies /opt/ravine /opt/ravine
COPY --from=code /code /opt/ravine
COPY service/containers/healthy.sh /usr/local/bin/healthy
COPY service/containers/ray-part.sh /usr/local/bin/ray-part
COPY service/containers/after-ray.sh /usr/local/bin/after-ray
# A checkout made with umask 077 has them for its owner alone.
RUN chmod 755 /usr/local/bin/healthy /usr/local/bin/ray-part /usr/local/bin/after-ray
ENV PATH=/opt/ravine/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 RAVINE_HOME=/var/lib/ravine
WORKDIR /tmp
USER ravine
CMD ["ravine", "--help"]
