# One image for web, worker and scheduler: same code, same entry points as `make up`.
# OpenTofu comes from its official image (MPL-2.0). Terraform instead, where its licence suits you:
#   docker compose build --build-arg ENGINE_IMAGE=hashicorp/terraform:1.11 --build-arg ENGINE_PATH=/bin/terraform
ARG ENGINE_IMAGE=ghcr.io/opentofu/opentofu:1.8.5-minimal
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${ENGINE_IMAGE} AS engine

FROM ${NODE_IMAGE} AS node
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM ${PYTHON_IMAGE} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/base.txt /requirements.txt
RUN python -m venv /venv && /venv/bin/pip install --require-hashes -r /requirements.txt

FROM ${PYTHON_IMAGE} AS app
ARG ENGINE_PATH=/usr/local/bin/tofu
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=config.settings \
    DATA=/data STATIC_ROOT=/app/staticfiles
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --shell /usr/sbin/nologin skyvend \
    && install --directory --owner=skyvend --group=skyvend /data
COPY --from=engine ${ENGINE_PATH} /usr/local/bin/
COPY --from=packages /venv /venv
WORKDIR /app
COPY manage.py ./
COPY accounts accounts
COPY billing billing
COPY clouds clouds
COPY config config
COPY provisioning provisioning
COPY scripts scripts
COPY static static
COPY templates templates
COPY terraform_modules terraform_modules
COPY --from=node /app/node_modules node_modules
RUN python -m scripts.vendor_assets \
    && DEBUG=1 python manage.py collectstatic --noinput --verbosity 0 \
    && rm -rf node_modules
USER skyvend
VOLUME /data
EXPOSE 8000
# The platform's own proxy stands in front (compose.yaml); nothing else reaches this port.
CMD ["uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--no-proxy-headers", "--lifespan", "off", "--timeout-worker-healthcheck", "60", "--log-config", "config/uvicorn.json", "--timeout-graceful-shutdown", "10"]

# The proxy carries its own copy of the static files.
FROM caddy:2-alpine AS proxy
COPY Caddyfile /etc/caddy/Caddyfile
COPY --from=app /app/staticfiles /srv/static
