from datetime import timedelta

from django.contrib.auth import authenticate
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from drf_jwt.authentication import decode, encode, now, owner

REFRESH_LIMIT = timedelta(days=7)  # JWT_REFRESH_EXPIRATION_DELTA


class Credentials(serializers.Serializer):
    email = serializers.CharField()
    password = serializers.CharField(write_only=True)

    def validate(self, attrs):
        user = authenticate(**attrs)
        if user is None:
            raise serializers.ValidationError("Unable to log in with provided credentials.")
        return {"token": encode(user)}


class Verification(serializers.Serializer):
    token = serializers.CharField()

    def validate(self, attrs):
        payload = decode(attrs["token"], serializers.ValidationError)
        return self.respond(attrs["token"], payload, owner(payload, serializers.ValidationError, "User doesn't exist."))

    def respond(self, token, payload, user):
        return {"token": token}


class Renewal(Verification):
    def respond(self, token, payload, user):
        issued = payload.get("orig_iat")
        if not issued:
            raise serializers.ValidationError("orig_iat field is required.")
        if now().timestamp() > issued + REFRESH_LIMIT.total_seconds():
            raise serializers.ValidationError("Refresh has expired.")
        return {"token": encode(user, issued)}


class TokenView(APIView):
    permission_classes = ()
    authentication_classes = ()

    def get_serializer(self, *args, **kwargs):
        return self.serializer_class(*args, **kwargs)

    def post(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.validated_data)


class ObtainJSONWebToken(TokenView):
    serializer_class = Credentials


class RefreshJSONWebToken(TokenView):
    serializer_class = Renewal


class VerifyJSONWebToken(TokenView):
    serializer_class = Verification
