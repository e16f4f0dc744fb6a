"""What must be right before anything starts. `python -m service.starting.checking` looks, and changes nothing."""

from service.database.migrating import has_schema
from service.errors import ConfigurationError
from service.executors.ray_checking import check_ray
from service.executors.ray_plan import ray_plan
from service.settings import RaySettings, Settings, load, loaded
from service.starting.refusal import refuse

UNTOLD = "untold"  # there may be no join token yet, and nothing is sent


def check_start(settings: Settings) -> None:
    """Raises ConfigurationError for the first thing that keeps the service from starting."""
    settings.user_token()
    has_schema(settings.database)
    if settings.executor == "ray":
        ray_plan(settings, owner=UNTOLD)
        check_ray(settings, ray=loaded(RaySettings))


def main() -> None:
    """Looks at all; ends with 2 and one line on stderr when something is wrong."""
    try:
        check_start(load())
    except ConfigurationError as error:
        refuse(error)


if __name__ == "__main__":
    main()
