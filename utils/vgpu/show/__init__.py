"""What a learner sees of an emulated launch: pictures and tables for notebooks, each with a text form for terminals."""

from .bank_picture import banks
from .card import overview
from .comparison import compare
from .listing import annotate
from .schedule import schedule
from .sector_picture import sectors
from .svg import Picture

__all__ = ["Picture", "annotate", "banks", "compare", "overview", "schedule", "sectors"]
