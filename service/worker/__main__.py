"""`python -m service.worker`: one worker."""

from service.worker.worker import main

if __name__ == "__main__":
    main()
