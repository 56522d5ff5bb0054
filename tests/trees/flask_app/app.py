"""A Flask application whose database Flask-Migrate looks after."""

import os
import re

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = re.sub(
    r"^postgres(ql)?://", "postgresql+psycopg2://", os.environ["DATABASE_URL"]
)
db = SQLAlchemy(app)
migrate = Migrate(app, db)
