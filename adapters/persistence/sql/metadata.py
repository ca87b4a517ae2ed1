"""What all tables share."""

from typing import Final

from sqlalchemy import DateTime, MetaData

metadata: Final = MetaData()

MOMENT: Final = DateTime(timezone=True)
