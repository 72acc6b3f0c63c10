import json
from datetime import datetime, timedelta, timezone

import jwt
from django.conf import settings
from django.contrib.auth.hashers import get_hashers, make_password
from django.core.management.base import BaseCommand
from rest_framework_simplejwt.tokens import RefreshToken

from users.models import User


class Command(BaseCommand):
    help = "Creates a user for each password hasher, a superuser and an inactive user, and prints them with their tokens."

    def handle(self, *args, **options):
        seeded = []
        for hasher in get_hashers():
            user = User.objects.create_user(f"{hasher.algorithm}@Example.com", first_name="Ann", last_name=hasher.algorithm)
            seeded.append(self.finish(user, hasher.algorithm))
        seeded.append(self.finish(User.objects.create_superuser("root@example.com", None), "default"))
        inactive = User.objects.create_user("inactive@example.com", is_active=False)
        seeded.append(self.finish(inactive, "default"))
        self.stdout.write(json.dumps(seeded))

    def finish(self, user, hasher):
        password = f"plum tree by gate {user.pk}"
        user.password = make_password(password, hasher=hasher)
        user.save()
        refresh = RefreshToken.for_user(user)
        return {
            "id": user.pk,
            "email": user.email,
            "password": password,
            "hash": user.password,
            "active": user.is_active,
            "superuser": user.is_superuser,
            "refresh": str(refresh),
            "access": str(refresh.access_token),
            "drf": drf_token(user),
        }


def drf_token(user):
    """A token as djangorestframework-jwt makes it; Debian has SimpleJWT alone."""
    now = datetime.now(timezone.utc)
    payload = {
        "user_id": user.pk,
        "username": user.get_username(),
        "email": user.email,
        "exp": now + timedelta(hours=1),
        "orig_iat": int(now.timestamp()),
    }
    return jwt.encode(payload, settings.SECRET_KEY, algorithm="HS256")
