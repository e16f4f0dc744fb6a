"""Makes examples/finches.csv: 300 invented birds of three species. `python examples/make_finches.py > finches.csv`."""

import csv
import random
import sys
from dataclasses import dataclass
from typing import TextIO

NUM_BIRDS = 300
SEED = 7
HEADER = ("island", "sex", "bill_length_mm", "bill_depth_mm", "wing_length_mm", "mass_g", "species")


@dataclass(frozen=True)
class Species:
    """One species: how common it is, on which islands it lives, and how large it grows (bills and wings in mm, g)."""

    name: str
    share: float
    islands: tuple[str, ...]
    bill_length: float
    bill_depth: float
    wing_length: float
    mass: float


ALL = (
    Species("ground", 0.65, ("Isabela", "Santa Cruz"), 11.6, 9.0, 66.0, 17.0),
    Species("cactus", 0.23, ("Santa Cruz", "Marchena"), 14.4, 8.6, 70.5, 21.0),
    Species("warbler", 0.12, ("Isabela", "Marchena"), 8.3, 5.2, 54.0, 9.5),
)


def write(file: TextIO) -> None:
    """Writes the birds as CSV."""
    draw = random.Random(SEED)
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(HEADER)
    kinds = draw.choices(ALL, weights=[kind.share for kind in ALL], k=NUM_BIRDS)
    rows.writerows(_bird(kind, draw) for kind in kinds)


def _bird(kind: Species, draw: random.Random) -> tuple[str, ...]:
    sex = draw.choice(("female", "male"))
    size = draw.gauss(1.02 if sex == "male" else 0.98, 0.08)  # large birds are large in all
    means = (kind.bill_length, kind.bill_depth, kind.wing_length, kind.mass)
    numbers = (f"{mean * size * draw.gauss(1, 0.05):.1f}" for mean in means)
    return (draw.choice(kind.islands), sex, *numbers, kind.name)


if __name__ == "__main__":
    write(sys.stdout)
