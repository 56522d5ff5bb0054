"""The application's settings, read from its own environment variables."""

import os
from dataclasses import dataclass

from sqlalchemy.engine import URL


@dataclass(frozen=True)
class Settings:
    """Where the shop keeps its data."""

    host: str
    port: int
    user: str
    password: str
    name: str

    @property
    def database_url(self) -> URL:
        """The parts as one URL."""
        return URL.create(
            "postgresql+psycopg2", self.user, self.password, self.host, self.port, self.name
        )


settings = Settings(
    host=os.environ["APP_DB_HOST"],
    port=int(os.environ["APP_DB_PORT"]),
    user=os.environ["APP_DB_USER"],
    password=os.environ["APP_DB_PASSWORD"],
    name=os.environ["APP_DB_NAME"],
)
