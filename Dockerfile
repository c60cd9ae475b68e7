# The image of the daemon: one non-root process, one entry point, one volume.
#
#   docker build -t fbm_sync .
#   docker run -v fbm_sync:/var/lib/fbm_sync -v ./fbm_sync.toml:/etc/fbm_sync/fbm_sync.toml:ro fbm_sync
#
# Secrets are read from files in /run/secrets or from the environment, never from the image.

# The tag names the Python series, not a patch release: a rebuild brings in security fixes.
FROM python:3.13-slim-trixie AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

# Every dependency by its hash, and wheels only: nothing but our own package is built here.
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/fbm_sync \
    && pip --python /opt/fbm_sync/bin/python install --require-hashes --only-binary=:all: -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY config ./config
COPY fbm_sync ./fbm_sync
RUN pip --python /opt/fbm_sync/bin/python install --no-deps .


FROM python:3.13-slim-trixie

RUN groupadd --system --gid 10001 fbm_sync \
    && useradd --system --uid 10001 --gid fbm_sync --home-dir /var/lib/fbm_sync --no-create-home \
        --shell /usr/sbin/nologin fbm_sync \
    && install --directory --owner=fbm_sync --group=fbm_sync --mode=0750 /var/lib/fbm_sync

COPY --from=build /opt/fbm_sync /opt/fbm_sync

ENV PATH=/opt/fbm_sync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# By number, so that an orchestrator can tell that it is not root. Relative paths of the configuration
# start at its own folder, which is read-only here: set store.url to
# "sqlite:////var/lib/fbm_sync/fbm_sync.db" and supply.directory to an absolute path.
USER 10001:10001
WORKDIR /var/lib/fbm_sync
VOLUME /var/lib/fbm_sync

# Asks the process itself, on the address it listens on by default; a changed [daemon] listen needs
# a changed check.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9464/healthz', timeout=4)"]

ENTRYPOINT ["fbm-sync"]
CMD ["run"]
