import json

from django.contrib.auth.hashers import get_hashers, make_password
from django.core.management.base import BaseCommand
from djoser.serializers import UserCreateSerializer
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer
from rest_framework_simplejwt.tokens import RefreshToken

from drf_jwt.authentication import encode
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
        seeded.append(self.sign_up_with_djoser("djoser@example.com", "plum tree by the gate"))
        self.stdout.write(json.dumps(seeded))

    def sign_up_with_djoser(self, email, password):
        """What djoser's views of a sign-up and of /jwt/create/ do with what they are sent."""
        signup = UserCreateSerializer(data={"email": email, "password": password})
        signup.is_valid(raise_exception=True)
        user = signup.save()
        login = TokenObtainPairSerializer(data={"email": email, "password": password})
        login.is_valid(raise_exception=True)
        return self.describe(user, password, login.validated_data["refresh"], login.validated_data["access"])

    def finish(self, user, hasher):
        password = f"plum tree by gate {user.pk}"
        user.password = make_password(password, hasher=hasher)
        user.save()
        refresh = RefreshToken.for_user(user)
        return self.describe(user, password, str(refresh), str(refresh.access_token))

    def describe(self, user, password, refresh, access):
        return {
            "id": user.pk,
            "email": user.email,
            "password": password,
            "hash": user.password,
            "active": user.is_active,
            "superuser": user.is_superuser,
            "refresh": refresh,
            "access": access,
            "drf": encode(user),
        }
