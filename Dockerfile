# The job as an image. Two targets:
#
#   tool     the command and no project: mount one at /app, or begin your own image FROM this one
#   release  the default: with alembic.ini and alembic/ in /app, what a fork of this repository deploys
#
# docs/reference/image.md lists the build arguments. Debian's packages are not pinned to a version: a
# suite keeps no version but its newest, so a pin would break the build at the next security fix.
# hadolint global ignore=DL3008
ARG PYTHON_VERSION=3.13
ARG SUITE=trixie
ARG PYTHON_IMAGE=python:${PYTHON_VERSION}-slim-${SUITE}

FROM ${PYTHON_IMAGE} AS build
COPY requirements/build.txt requirements/runtime.txt /src/requirements/
# The environment of the image gets no pip: the one that builds the wheel fills it.
RUN python3 -m venv /opt/build \
    && python3 -m venv --without-pip /opt/migrator \
    && /opt/build/bin/pip install --no-cache-dir --only-binary=:all: --require-hashes \
        --requirement /src/requirements/build.txt \
    && /opt/build/bin/pip --python /opt/migrator/bin/python install --no-cache-dir --only-binary=:all: \
        --require-hashes --requirement /src/requirements/runtime.txt
COPY pyproject.toml README.md LICENSE alembic.ini /src/
COPY alembic /src/alembic
COPY migrator /src/migrator
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /tmp/wheel /src \
    && /opt/build/bin/pip --python /opt/migrator/bin/python install --no-cache-dir --no-deps /tmp/wheel/*.whl
# A checkout's own modes may hide files from another user. The bytecode is checked by the source's
# hash: an image built FROM this one that replaces a revision must not run the old one.
COPY entrypoint /image/entrypoint
COPY alembic.ini /image/app/
COPY alembic /image/app/alembic
RUN chmod 0755 /image/entrypoint \
    && chmod -R a+rX,go-w /image/app \
    && /opt/migrator/bin/python -m compileall -q --invalidation-mode checked-hash /image/app

FROM ${PYTHON_IMAGE} AS tool
# pgdg: the PostgreSQL project's own Debian repository. Debian's postgresql-common (up to bookworm) or
# postgresql-client-common (since trixie) has its key and the script that adds it, so both come with
# apt's signatures and nothing is fetched by hand. debian: whatever major the base's own suite has.
ARG POSTGRES_CLIENT=pgdg
ARG POSTGRES_MAJOR=18
WORKDIR /tmp/pgdg
RUN export DEBIAN_FRONTEND=noninteractive \
    && apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates tini \
    && case "$POSTGRES_CLIENT" in \
        pgdg) \
            apt-get download postgresql-common postgresql-client-common \
            && for package in *.deb; do dpkg-deb --extract "$package" . || exit; done \
            && mkdir -p /usr/share/postgresql-common \
            && cp -R usr/share/postgresql-common/pgdg /usr/share/postgresql-common/ \
            && sh /usr/share/postgresql-common/pgdg/apt.*.sh -y \
            && apt-get install --yes --no-install-recommends "postgresql-client-$POSTGRES_MAJOR" \
            ;; \
        debian) apt-get install --yes --no-install-recommends postgresql-client ;; \
        *) echo "POSTGRES_CLIENT is pgdg or debian, not $POSTGRES_CLIENT" >&2 && exit 1 ;; \
    esac \
    && ln -s /usr/lib/postgresql/* /opt/postgresql \
    && apt-get clean \
    && rm -rf /tmp/pgdg /var/lib/apt/lists/*
# No pip, nor what could bring it back. The base has the standard library as source alone, and nothing
# could write its bytecode later.
RUN find / -xdev \( -path '*/bin/pip*' -o -path '*/python*/pip' -o -path '*/python*/pip-*' \
        -o -path '*/python*/ensurepip' -o -path '*/python-wheels' \) -prune -exec rm -rf {} + \
    && python3 -m compileall -q -x '/(test|tests|idlelib|lib2to3|tkinter|turtledemo)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/migrator /opt/migrator
COPY --from=build /image/entrypoint /entrypoint
ENV PATH=/opt/migrator/bin:/opt/postgresql/bin:$PATH \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "/entrypoint"]
CMD ["run"]
ARG SOURCE=
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="migrator" \
    org.opencontainers.image.description="Brings one Postgres database to the head of one Alembic project before a deploy, and proves it." \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.source="$SOURCE" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"

FROM tool AS release
COPY --from=build /image/app /app
