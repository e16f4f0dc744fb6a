"""`python -m service.recorder`: the process that copies events to MLflow."""

from service.recorder.recorder import main

if __name__ == "__main__":
    main()
