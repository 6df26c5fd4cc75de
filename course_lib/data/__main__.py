"""`python -m course_lib.data [FOLDER]`: print every problem of the data, or OK with counts."""

import sys

from course_lib.data.validation import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
