"""Settings, all from the environment: see the table in README.md.

Production-safe by default: with DEBUG off the platform refuses to start until what must be secret is given.
"""

import sys
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import environ
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from accounts.logs import without_link_secrets

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- what this process is -------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", False)
TRIAL = env.bool("TRIAL", False)  # `make up`: simulated clouds, demo tenant, console mail
DATA = Path(env.str("DATA", str(BASE_DIR / "var"))).resolve()  # everything we write to disk

_missing = [name for name in ("SECRET_KEY", "FERNET_KEYS", "ALLOWED_HOSTS") if not env.str(name, "")]
if _missing and not DEBUG:
    raise ImproperlyConfigured(
        f"Set {', '.join(_missing)} in the environment (or DEBUG=1 for development). See the table in README.md."
    )
SECRET_KEY = env.str("SECRET_KEY", "") or "development-only-key-that-is-long-enough-for-hs256"
FERNET_KEYS = env.list("FERNET_KEYS", default=[]) or ["development-only"]  # the first encrypts, all decrypt
FERNET_USE_HKDF = True
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SITE_URL = env.str("SITE_URL", "http://localhost:8000").rstrip("/")  # for links in mail
OIDC_ISSUER = env.str("OIDC_ISSUER", "").rstrip("/") or SITE_URL  # as clouds know us; they fetch our keys from there
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WEB_THREADS = env.int("WEB_THREADS", 8)  # requests at once per web process; with WEB_STREAMS below DATABASE_POOL
WEB_STREAMS = env.int("WEB_STREAMS", 4)  # exports and logs sent at once per web process; more wait their turn
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "channels",
    "csp",
    "django_dramatiq",
    "dramatiq_crontab",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "widget_tweaks",
    "accounts",
    "clouds",
    "billing",
    "provisioning",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "accounts.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.actor",
                "config.context_processors.machine",
            ],
            "builtins": ["widget_tweaks.templatetags.widget_tweaks", "accounts.templatetags.ui"],
        },
    }
]

# --- where the truth is and where the doorbell is -------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default="postgres://skyvend@127.0.0.1:5432/skyvend")}
DATABASES["default"]["OPTIONS"] = {
    "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL", 20), "timeout": 20},
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None, "health_check_interval": 30}]},
    }
}
DRAMATIQ_BROKER = {
    "BROKER": "dramatiq.brokers.redis.RedisBroker",
    "OPTIONS": {"url": REDIS_URL},
    "MIDDLEWARE": [
        "dramatiq.middleware.AgeLimit",
        "dramatiq.middleware.TimeLimit",
        "dramatiq.middleware.ShutdownNotifications",
        "dramatiq.middleware.Callbacks",
        "dramatiq.middleware.Retries",
        "django_dramatiq.middleware.DbConnectionsMiddleware",
    ],
}
DRAMATIQ_AUTODISCOVER_MODULES = ["tasks"]

# --- who may come in ------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}}]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignupForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = env.str("EMAIL_VERIFICATION", "optional")
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"login_failed": env.str("LOGIN_FAILED_LIMIT", "10/m/ip,5/5m/key")}
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Trusting X-Forwarded-* is only right behind our own proxy, which sets them (compose.yaml does).
IS_BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 1 if IS_BEHIND_PROXY else 0)  # hops in X-Forwarded-For we believe
HTTPS_ONLY = env.bool("HTTPS_ONLY", not DEBUG and not TRIAL)
if IS_BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS_ONLY
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
FILE_UPLOAD_HANDLERS = ["clouds.uploads.InMemory"]  # what is uploaded are keys: never on our disk
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
METRICS_TOKEN = env.str("METRICS_TOKEN", "")  # empty: /metrics answers only to loopback

# --- mail -----------------------------------------------------------------------------------------------------------
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Skyvend <no-reply@localhost>")
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", 15)  # seconds
# Webhooks go to the public internet by https. These open more, to every tenant: networks as 10.1.0.0/16,192.168.7.9/32.
WEBHOOK_NETWORKS = [
    str(ip_network(each)) for each in env.list("WEBHOOK_NETWORKS", default=["127.0.0.0/8", "::1/128"] if TRIAL else [])
]
WEBHOOK_ALLOW_HTTP = env.bool("WEBHOOK_ALLOW_HTTP", TRIAL)
ALERT_LEASE = env.int("ALERT_LEASE", 60)  # seconds an attempt may take; then its worker counts as dead

# --- files for the browser ------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TRIAL
        else "servestatic.storage.CompressedManifestStaticFilesStorage"
    },
}
# Static files are served by config.handlers, in front of the middleware.
SERVESTATIC_USE_FINDERS = DEBUG or TRIAL
SERVESTATIC_AUTOREFRESH = DEBUG

# --- API ------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiTokenAuthentication",
        "accounts.api.authentication.JWTAuthentication",
        "accounts.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.HasRight"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "accounts.api.schema.ProblemAutoSchema",
    "DEFAULT_PAGINATION_CLASS": "accounts.api.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "accounts.api.filters.Narrowing",
        "accounts.api.filters.Ordering",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttles.ActorThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "actor": env.str("API_RATE", "60000/min"),
        "anonymous": env.str("API_ANONYMOUS_RATE", "300/min"),
    },
    "NUM_PROXIES": TRUSTED_PROXIES,
    "EXCEPTION_HANDLER": "accounts.api.problems.handler",
    "URL_FORMAT_OVERRIDE": None,  # ?format= is ours: the export names its columns with it
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "COERCE_DECIMAL_TO_STRING": True,
}
SIMPLE_JWT = {
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "UPDATE_LAST_LOGIN": False,
    "USER_ID_CLAIM": "sub",
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends every token issued before
    "REVOKE_TOKEN_CLAIM": "pwd",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Skyvend API",
    "DESCRIPTION": "A vending machine for cloud infrastructure. Errors are RFC 9457 problem documents.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "Kind": "clouds.models.catalogue.Kind",
        "CloudAccountStatus": "clouds.models.accounts.CloudAccountStatus",
        "ResourceStatus": "provisioning.models.resources.ResourceStatus",
        "RunStatus": "provisioning.models.runs.RunStatus",
        "AnomalyScope": "billing.models.anomalies.AnomalyScope",
        "AnomalyStatus": "billing.models.anomalies.AnomalyStatus",
        "ScopeKind": "billing.models.forecasts.ScopeKind",
        "EntryKind": "billing.models.ledger.EntryKind",
        "ChannelKind": "billing.models.alerts.ChannelKind",
        "NewChannelKind": "billing.api.channels.MADE",
        "DeliveryStatus": "billing.models.alerts.DeliveryStatus",
        "AlertKind": "billing.models.alerts.AlertKind",
        "HoldStatus": "billing.models.ledger.HoldStatus",
        "Role": "accounts.models.roles.Role",
    },
}
_PETROL = {  # the accent of our own pages, lightest first: lightness and chroma of one hue
    "50": "97.5% .012", "100": "94.5% .022", "200": "89.5% .04", "300": "82% .065", "400": "70% .09", "500": "60% .092",
    "600": "49% .083", "700": "43% .073", "800": "37% .06", "900": "32% .05", "950": "24% .04",
}  # fmt: skip
UNFOLD = {
    "COLORS": {"primary": {shade: f"oklch({lightness} 210)" for shade, lightness in _PETROL.items()}},
    "SITE_ICON": lambda request: static("img/logo.svg"),
    "SITE_TITLE": "Skyvend operators",
    "SITE_HEADER": "Skyvend",
    "SITE_URL": "/",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/favicon.svg")},
    ],
    "ENVIRONMENT": "config.admin.environment",
    "DASHBOARD_CALLBACK": "config.admin.dashboard",
}

# --- the engine -----------------------------------------------------------------------------------------------------
TERRAFORM_BINARY = env.str("TERRAFORM_BINARY", "")  # empty: terraform, else tofu on PATH, else DATA/engine/
ENGINE_RELEASES = env.str("ENGINE_RELEASES", "https://github.com/opentofu/opentofu/releases/download")
TERRAFORM_PLUGIN_MIRROR = env.str("TERRAFORM_PLUGIN_MIRROR", "")  # empty: the usual places, else DATA/mirror/
TERRAFORM_MODULES = Path(env.str("TERRAFORM_MODULES", str(BASE_DIR / "terraform_modules")))
RUNNER_ISOLATION = env.str("RUNNER_ISOLATION", "bubblewrap")  # or "none": runs see this machine
RUNNER_USER = env.str("RUNNER_USER", "nobody")  # whom runs become when the worker is root
RUNNER_DIR = env.str("RUNNER_DIR", "")  # workspaces; empty: DATA/runner
RUNNER_MEMORY_MB = env.int("RUNNER_MEMORY_MB", 2048)  # per run, all its processes
RUN_TIMEOUT = env.int("RUN_TIMEOUT", 3600)  # seconds a run may work
RUN_LEASE = env.int("RUN_LEASE", 30)  # seconds without a heartbeat until a run counts as lost
RUN_CANCEL_GRACE = env.int("RUN_CANCEL_GRACE", 60)  # seconds between SIGINT and SIGKILL
RUNS_PER_ORGANIZATION = env.int("RUNS_PER_ORGANIZATION", 4)
WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", 2)  # runs at once per worker process
HOLD_DAYS = env.int("HOLD_DAYS", 30)  # days of the quoted price that an order reserves
INVOICE_ISSUER = env.str("INVOICE_ISSUER", "Skyvend")  # who invoices the tenants: InvoiceIssuerName in FOCUS exports
CREDIT_STOP_GRACE_HOURS = env.int("CREDIT_STOP_GRACE_HOURS", 24)  # then machines are stopped, where policy says
CLOUD_ACCOUNT_NAMES = "provisioning.scopes.cloud_account_names"  # billing knows ids; here it asks for more
CREDIT_ALERT_PERCENT = env.list("CREDIT_ALERT_PERCENT", int, [20, 10])  # available of what the last top-up made it
CREDIT_ALERT_DAYS = env.list("CREDIT_ALERT_DAYS", int, [7, 3, 1])  # that the balance lasts at the run-rate
TRIAL_CREDIT_USD = env.int("TRIAL_CREDIT_USD", 0)  # what a newly registered organization starts with
COST_ANOMALY_MINIMUM = Decimal(env.str("COST_ANOMALY_MINIMUM", "1"))  # a day: less than this too much is not told
PRICE_APIS = {  # where refresh_prices reads; a mirror of your own may stand in for each
    "aws": env.str("AWS_PRICES_URL", "https://pricing.us-east-1.amazonaws.com"),
    "azure": env.str("AZURE_PRICES_URL", "https://prices.azure.com"),
    "gcp": env.str("GCP_PRICES_URL", "https://cloudbilling.googleapis.com"),
}
# The platform's own AWS user, which assumes tenants' roles. Its policy needs sts:AssumeRole and nothing else.
PLATFORM_AWS_ACCESS_KEY_ID = env.str("PLATFORM_AWS_ACCESS_KEY_ID", "")
PLATFORM_AWS_SECRET_ACCESS_KEY = env.str("PLATFORM_AWS_SECRET_ACCESS_KEY", "")
PLATFORM_AWS_PRINCIPAL = env.str("PLATFORM_AWS_PRINCIPAL", "")  # its ARN, for trust policies
SANDBOX_AWS_ENDPOINT = env.str("SANDBOX_AWS_ENDPOINT", "")  # where accounts marked "simulated" point; empty: none
SANDBOX_AZURE_ENDPOINT = env.str("SANDBOX_AZURE_ENDPOINT", "")
SANDBOX_GCP_ENDPOINT = env.str("SANDBOX_GCP_ENDPOINT", "")
SANDBOX_CONTROL_KEY = env.str("SANDBOX_CONTROL_KEY", "")  # opens the simulated Azure's and Google's own controls
SANDBOX_PLUGIN_MIRROR = env.str("SANDBOX_PLUGIN_MIRROR", "")  # stand-in providers for both; see sandbox/standins.py
SANDBOX_STARTED_AT = env.str("SANDBOX_STARTED_AT", "")  # ISO 8601; simulated AWS forgets its objects when it stops

# --- logs: JSON lines with request and run ids ----------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
_shared: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    without_link_secrets,
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.JSONRenderer(),
            "foreign_pre_chain": _shared,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "uvicorn.access": {"level": "WARNING"},
        "django.server": {"level": "WARNING"},
        "django_structlog": {"level": LOG_LEVEL},
        "botocore": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "apscheduler": {"level": "WARNING"},
        "dramatiq.broker": {"level": "ERROR"},  # it warns of a middleware per consumer: the worker has three on purpose
    },
}
structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *_shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)

if "pytest" in sys.modules:  # tests hash passwords often; nothing else differs
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
