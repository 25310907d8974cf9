# syntax=docker/dockerfile:1
# Circe for production. Migrations are a step of their own: `docker run … manage.py migrate` (compose.yaml has it).
# Any base with `python` 3.11 and venv will do; docs/operating.md makes one without a registry.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /circe
RUN python -m venv /venv
COPY requirements.lock .
RUN /venv/bin/pip install --quiet --require-hashes --requirement requirements.lock
COPY . .
# Otherwise each process would compile the code anew when it starts, since it may not write the compiled files.
RUN /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash .
# The settings require keys and a database. This command signs nothing and does not connect.
RUN KEY=only-for-collecting-static-files-while-the-image-is-built \
    && SECRET_KEY=$KEY JWT_SIGNING_KEY=$KEY DATABASE_URL=postgres://none@localhost/none \
        /venv/bin/python manage.py collectstatic --no-input --verbosity 0

FROM ${BASE}
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORT=8000
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin circe
WORKDIR /circe
# The files belong to root, so that the process can't change its own code.
COPY --from=build /venv /venv
COPY --from=build /circe /circe
USER 10001
EXPOSE 8000
# The Host header is a name of ALLOWED_HOSTS: Circe answers 400 to any other.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD python -c "import http.client, os; \
    client = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); \
    client.request('GET', '/healthz', headers={'Host': os.environ['ALLOWED_HOSTS'].split(',')[0].lstrip('.')}); \
    raise SystemExit(client.getresponse().status != 200)"
ENTRYPOINT ["python"]
CMD ["-m", "gunicorn", "--config", "circe/gunicorn.py"]
