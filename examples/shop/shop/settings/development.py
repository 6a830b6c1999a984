"""Settings for local development."""

from .base import *

DEBUG = True
SECRET_KEY = "django-insecure-7w!k2v^x0n4@q9d3#hz6m&e1u8r5t_y+bj%cp$ags*fl"

EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
