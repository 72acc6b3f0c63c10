from django.contrib.auth import authenticate
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from drf_jwt.authentication import encode
from users.serializers import UserSerializer


class CreateUser(APIView):
    permission_classes = [AllowAny]

    def post(self, request):
        serializer = UserSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data, status=201)


class ObtainToken(APIView):
    permission_classes = [AllowAny]

    def post(self, request):
        try:
            email, password = request.data["email"], request.data["password"]
        except KeyError:
            return Response({"error": "please provide a email and a password"})
        user = authenticate(request, username=email, password=password)
        if user is None:
            return Response(
                {"error": "can not authenticate with the given credentials or the account has been deactivated"},
                status=403,
            )
        return Response({"name": f"{user.first_name} {user.last_name}", "token": encode(user)})


class UpdateUser(APIView):
    def get(self, request):
        return Response(UserSerializer(request.user).data)

    def put(self, request):
        data = request.data.get("user", request.data)
        serializer = UserSerializer(request.user, data=data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data)

    patch = put
