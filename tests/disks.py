import os


def fill(disk):
    """Take all the space that is left, and return the file that took it."""
    filler = disk / "filler"
    with filler.open("ab") as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    os.write(file.fileno(), b"x" * size)
            except OSError:
                continue
    return filler
