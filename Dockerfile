# The server alone: it keeps no state, so run as many as you like beside one MongoDB.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md ./
COPY duetdb ./duetdb
RUN python -m venv /opt/duetdb && /opt/duetdb/bin/pip install --no-cache-dir '.[s3]'

FROM python:3.13-slim
RUN useradd --system --create-home duetdb
COPY --from=build /opt/duetdb /opt/duetdb
ENV PATH=/opt/duetdb/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DUETDB_HOST=0.0.0.0
USER duetdb
WORKDIR /home/duetdb
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["duetdb"]
CMD ["serve"]
