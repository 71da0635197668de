"""Django's settings. Everything that differs between installations comes from the environment (``config.env``)."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import django_stubs_ext
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from config.celery_settings import celery_settings
from config.checkout import ROOT
from config.env import read
from config.logs import logging_settings
from config.services import database

django_stubs_ext.monkeypatch()

ENV = read()

# --- The site -------------------------------------------------------------------------------------------------------
SECRET_KEY = ENV["HOTSEAT_SECRET_KEY"]
DEBUG = ENV["HOTSEAT_DEBUG"]
ALLOWED_HOSTS = ENV["HOTSEAT_ALLOWED_HOSTS"]
CSRF_TRUSTED_ORIGINS = ENV["HOTSEAT_TRUSTED_ORIGINS"]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "tenants.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "config",
    "unfold.apps.BasicAppConfig",
    "config.administration.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "channels",
    "csp",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    "rest_framework",
    "tenants",
    "agents",
    "routing",
    "reporting",
    "billing",
]

MIDDLEWARE = [
    "config.proxies.TrustedProxies",
    "django.middleware.security.SecurityMiddleware",
    "config.security.ContentPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.metrics.RequestMetrics",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "tenants.middleware.ScopeMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.page",
            ]
        },
    }
]

# --- Data: one database under three roles, none of which is set by SET ROLE -----------------------------------------


def _database(role: str, *, pooled: bool, prepared: bool = False) -> dict[str, Any]:
    url = urlsplit(ENV["DATABASE_URL"])
    # After a failover a connection may have stayed with the server that is only a standby now.
    options: dict[str, Any] = {"target_session_attrs": "read-write", "connect_timeout": 5}
    # A server that vanished without a word is given up after a quarter of a minute.
    options |= {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}
    if pooled:
        options["pool"] = {"min_size": 0, "max_size": ENV["HOTSEAT_DB_POOL"], "timeout": 10, "max_idle": 300}
    if prepared:
        # Routing repeats the same few statements for every call, and planning them took a third of PostgreSQL's time.
        # Behind PgBouncer this needs version 1.21 or newer with max_prepared_statements above 0.
        options |= {"server_side_binding": True, "prepare_threshold": 2}
    return {
        "ENGINE": "config.postgresql",
        "HOST": url.hostname,
        "PORT": url.port or 5432,
        "NAME": unquote(url.path.strip("/")) or database.DEFAULT_NAME,
        "USER": role,
        "PASSWORD": ENV[database.PASSWORD_VARIABLES[role]],
        "CONN_MAX_AGE": 0,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": options,
    }


DATABASES = {
    "default": _database(database.APP, pooled=True),
    "engine": _database(database.ENGINE, pooled=True, prepared=True),
    "owner": _database(database.OWNER, pooled=False),
}
DATABASE_ROUTERS = ["tenants.scope.ScopeRouter"]

REDIS_URL = ENV["REDIS_URL"]
# redis-py 8 waits 5 s for an answer by default, less than an idle socket's receive takes, and keeps 100 connections.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "socket_timeout": 30, "max_connections": 5000}],
            "prefix": "hotseat",
            "capacity": 1000,
            "expiry": 60,
        },
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "hotseat",
        "TIMEOUT": 300,
    }
}
globals().update(celery_settings(REDIS_URL, ENV["HOTSEAT_VAR_DIR"]))

# --- Who ------------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ANONYMOUS_USER_NAME = None
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_USERNAME_FORM_FIELD = "username"  # the key in the credentials; by default that of the user model, "email"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False
AXES_LOCKOUT_TEMPLATE = "locked_out.html"
# config.proxies has already put the caller's own address there, past the proxies that are believed.
AXES_IPWARE_META_PRECEDENCE_ORDER = ["REMOTE_ADDR"]
TRUSTED_PROXIES = ENV["HOTSEAT_TRUSTED_PROXIES"]

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 3600  # a long shift
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = ENV["HOTSEAT_HTTPS"]
SECURE_HSTS_SECONDS = 31_536_000 if ENV["HOTSEAT_HTTPS"] else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF, "data:"],
        "connect-src": [SELF],
        "media-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = ENV["HOTSEAT_MAX_BODY_BYTES"]

# --- Languages, times, files ----------------------------------------------------------------------------------------
LANGUAGE_CODE = ENV["HOTSEAT_LANGUAGE"]
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = ENV["HOTSEAT_TIME_ZONE"]

STATIC_URL = "/static/"
STATIC_ROOT = ENV["HOTSEAT_VAR_DIR"] / "static"
STATICFILES_DIRS = [ROOT / "var" / "static-build"]  # where `npm run build` leaves the front end
for folder in (STATIC_ROOT, *STATICFILES_DIRS):
    folder.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True

# --- API ------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_SCHEMA_CLASS": "tenants.api.schema.ProblemSchema",
    "EXCEPTION_HANDLER": "tenants.api.problems.answer_exception",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.api.authentication.ApiKeyAuthentication",
        "tenants.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.api.parsers.StrictJSONParser"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.permissions.HasRight"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_VERSIONING_CLASS": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Hotseat",
    "DESCRIPTION": "Virtual call centres: agents, queues, contacts, numbers, statements.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "ActivationState": "routing.backup_states.ActivationState",
        "CallBackState": "routing.call_back_states.CallBackState",
        "CallBackMode": "routing.models.call_backs.CallBackMode",
        "CallBackOutcome": "routing.call_back_states.Outcome",
        "ContactState": "routing.states.ContactState",
        "OfferState": "routing.states.OfferState",
        "TransferReason": "routing.states.TransferReason",
        "SessionState": "agents.states.SessionState",
        "NumberKind": "tenants.models.business.Number.Kind",
        "RouteKind": "routing.models.backup.BackupRoute.Kind",
        "SegmentKind": "routing.states.SegmentKind",
        "UsageKind": "billing.models.usage.UsageLine.Kind",
        "WorkKind": "routing.models.contacts.WorkItem.Kind",
    },
}

# --- The administration -----------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Hotseat",
    "SITE_HEADER": "Hotseat",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SIDEBAR": {"show_search": False, "show_all_applications": False},
    "SITE_ICON": "tenants.administration.mark",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "tenants.administration.mark"}],
    # The brand's orange, from light to dark (config/assets/css/tokens.css has its middle).
    "COLORS": {
        "primary": {
            "50": "#fff4ec",
            "100": "#ffe4d1",
            "200": "#ffc6a1",
            "300": "#ffa06b",
            "400": "#f97a3a",
            "500": "#ea5b1b",
            "600": "#d9480f",
            "700": "#b23a0c",
            "800": "#8c300f",
            "900": "#6f2911",
            "950": "#3d1306",
        }
    },
}

# --- The switch -----------------------------------------------------------------------------------------------------
HOTSEAT_HASH_KEY = ENV["HOTSEAT_HASH_KEY"]
HOTSEAT_SWITCH = ENV["HOTSEAT_SWITCH"]
HOTSEAT_NODE = ENV["HOTSEAT_NODE"]
HOTSEAT_ARI_URL = ENV["HOTSEAT_ARI_URL"]
HOTSEAT_ARI_USER = ENV["HOTSEAT_ARI_USER"]
HOTSEAT_ARI_PASSWORD = ENV["HOTSEAT_ARI_PASSWORD"]
HOTSEAT_SOUNDS_DIR = ENV["HOTSEAT_SOUNDS_DIR"]
HOTSEAT_VAR_DIR = ENV["HOTSEAT_VAR_DIR"]

# --- What it says ---------------------------------------------------------------------------------------------------
LOGGING = logging_settings(style=ENV["HOTSEAT_LOG_FORMAT"], level=ENV["HOTSEAT_LOG_LEVEL"])
LOGGING_CONFIG = "logging.config.dictConfig"
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = False
