"""The application's own command for its migrations, with the settings made in code."""

import os
import re
from pathlib import Path

from alembic import command
from alembic.config import Config


def make_config() -> Config:
    """Alembic's settings, for the database that DATABASE_URL names."""
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", os.environ["DATABASE_URL"])
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


if __name__ == "__main__":
    command.upgrade(make_config(), "head")
