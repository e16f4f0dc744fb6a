"""What OpenAPI says where FastAPI cannot see it: the body of POST /v1/sweeps, and that every error looks alike."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.rows import MAX_ROWS
from service.schemas import ProblemDetails
from sweeps.spec import SweepSpec

REF = "#/components/schemas/{model}"
REQUEST = "SweepRequest"

EXAMPLES: dict[str, Any] = {
    "smallest": {"summary": "All defaults", "value": {"problem": {"dataset": "digits"}}},
    "full": {
        "summary": "A search over five settings",
        "value": {
            "name": "digits-sgd",
            "problem": {"dataset": "digits", "model": {"kind": "mlp", "hidden": [64]}},
            "space": {
                "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
                "momentum": {"low": 0.0, "high": 0.99},
                "weight_decay": {"low": 1e-6, "high": 1e-2, "log": True},
                "lr_decay": {"low": 1e-6, "high": 1e-2, "log": True},
                "batch_size": {"choices": [16, 32, 64, 128]},
            },
            "metric": {"name": "val_accuracy", "goal": "maximize"},
            "sampler": {"kind": "tpe", "seed": 7},
            "pruner": {"kind": "asha", "min_epochs": 2, "reduction_factor": 3},
            "budget": {"trials": 40, "epochs": 20},
        },
    },
}

SWEEP_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": REF.format(model=REQUEST)}, "examples": EXAMPLES},
        },
    }
}

PREDICT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "rows": {
                            "description": "Objects by column name, or lists of numbers in the shape of one example.",
                            "type": "array",
                            "items": {"anyOf": [{"type": "object"}, {"type": "array"}]},
                            "minItems": 1,
                            "maxItems": MAX_ROWS,
                        }
                    },
                    "required": ["rows"],
                    "additionalProperties": False,
                },
                "examples": {"table": {"value": {"rows": [{"age": 39, "colour": "red"}]}}},
            },
            "text/csv": {"schema": {"type": "string", "description": "UTF-8, commas, the columns' names first."}},
        },
    }
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = document["components"]["schemas"]
        request = SweepSpec.model_json_schema(ref_template=f"{REF[:-7]}{REQUEST}-{{model}}")
        schemas |= {f"{REQUEST}-{name}": schema for name, schema in request.pop("$defs", {}).items()}
        schemas[REQUEST] = request
        schemas["ProblemDetails"] = ProblemDetails.model_json_schema(ref_template=REF)
        schemas |= schemas["ProblemDetails"].pop("$defs", {})
        _document_errors(document)
        document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{}, {"bearer": []}]  # none on loopback, where no user token is set
        app.openapi_schema = document
    return app.openapi_schema


def _document_errors(document: dict[str, Any]) -> None:
    problem = {
        "description": "What is wrong and how to mend it (RFC 9457).",
        "content": {"application/problem+json": {"schema": {"$ref": REF.format(model="ProblemDetails")}}},
    }
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = problem
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
