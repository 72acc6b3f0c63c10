from datetime import datetime, timedelta, timezone

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header

SCHEME = "Bearer"  # JWT_AUTH_HEADER_PREFIX


def now():
    return datetime.now(timezone.utc)


def encode(user, issued=None):
    payload = {
        "user_id": user.pk,
        "username": user.get_username(),
        "email": user.email,
        "exp": now() + timedelta(hours=1),
        "orig_iat": issued or int(now().timestamp()),
    }
    return jwt.encode(payload, settings.SECRET_KEY, algorithm="HS256")


def decode(token, refuse):
    """Returns a token's payload, or raises refuse(message)."""
    try:
        return jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
    except jwt.ExpiredSignatureError:
        raise refuse("Signature has expired.")
    except jwt.DecodeError:
        raise refuse("Error decoding signature.")


def owner(payload, refuse, unknown):
    """Returns the active user whom a payload names, or raises refuse(message); unknown is the message if there is none."""
    if not payload.get("username"):
        raise refuse("Invalid payload.")
    user = get_user_model().objects.filter(email=payload["username"]).first()
    if user is None:
        raise refuse(unknown)
    if not user.is_active:
        raise refuse("User account is disabled.")
    return user


class Authentication(BaseAuthentication):
    def authenticate(self, request):
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != SCHEME.lower().encode():
            return None
        if len(words) == 1:
            raise exceptions.AuthenticationFailed("Invalid Authorization header. No credentials provided.")
        if len(words) > 2:
            raise exceptions.AuthenticationFailed(
                "Invalid Authorization header. Credentials string should not contain spaces."
            )
        try:
            payload = decode(words[1], exceptions.AuthenticationFailed)
        except jwt.InvalidTokenError:
            raise exceptions.AuthenticationFailed()
        return owner(payload, exceptions.AuthenticationFailed, "Invalid signature."), payload

    def authenticate_header(self, request):
        return f'{SCHEME} realm="api"'
