from django.http import JsonResponse
from django.urls import include, path
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView, TokenVerifyView

from drf_jwt import views as drf_jwt
from users import views

urlpatterns = [
    path("user/create/", views.CreateUser.as_view()),
    path("user/obtain_token/", views.ObtainToken.as_view()),
    path("user/update/", views.UpdateUser.as_view()),
    path("api/token/", TokenObtainPairView.as_view()),
    path("api/token/refresh/", TokenRefreshView.as_view()),
    path("api/token/verify/", TokenVerifyView.as_view()),
    path("api-token-auth/", drf_jwt.ObtainJSONWebToken.as_view()),
    path("api-token-refresh/", drf_jwt.RefreshJSONWebToken.as_view()),
    path("api-token-verify/", drf_jwt.VerifyJSONWebToken.as_view()),
    path("auth/", include("djoser.urls")),
    path("auth/", include("djoser.urls.jwt")),
]


def handler404(request, exception):
    """A path without a view, as DRF writes errors; Django's default is a page for people."""
    return JsonResponse({"detail": "Not found."}, status=404)
