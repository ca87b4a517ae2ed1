"""Run it: `python -m tests.mutation`."""

from tests.mutation.command import main

if __name__ == "__main__":
    main()
