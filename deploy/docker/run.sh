#!/bin/sh
# Migrates with the tool's image and the Alembic project in the current folder:
#
#     MIGRATOR_DATABASE_URL=postgresql://… ./run.sh
#
# The address goes by its name, so that no password stands in a process list. More flags of
# `migrator run` may follow. The exit code is migrator's own.
set -eu
: "${MIGRATOR_DATABASE_URL:?set it to the address of the database, as the container sees it}"

exec docker run --rm \
    --env MIGRATOR_DATABASE_URL \
    --volume "$PWD:/project:ro" --workdir /project \
    --read-only --tmpfs /tmp \
    --cap-drop ALL --security-opt no-new-privileges \
    "${TOOL_IMAGE:-migrator:tool}" run "$@"
