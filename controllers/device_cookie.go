package controllers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
)

const (
	// deviceCookie can be set by this host alone, over https (RFC 6265bis, section 4.1.3.2).
	deviceCookie = "__Host-latchkey_device"
	// plainDeviceCookie is its name where clients use http. Browsers may also have kept it from before deviceCookie had its name.
	plainDeviceCookie = "latchkey_device"
	deviceMaxAge      = 400 * 24 * time.Hour // what browsers allow (RFC 6265bis, section 5.5)
)

// DeviceToken returns the device token that the body gave or else the cookie's, or "" if there is neither.
func DeviceToken(c *gin.Context, given string) string {
	if given != "" {
		return given
	}
	for _, name := range []string{deviceCookie, plainDeviceCookie} {
		if cookie, err := c.Request.Cookie(name); err == nil {
			return cookie.Value
		}
	}
	return ""
}

// SetDeviceCookie stores a device token in a cookie that scripts can't read, in place of one of the former name.
func SetDeviceCookie(c *gin.Context, token string) {
	if !middleware.IsSecure(c) {
		setCookie(c, plainDeviceCookie, token, deviceMaxAge)
		return
	}
	setCookie(c, deviceCookie, token, deviceMaxAge)
	if _, err := c.Request.Cookie(plainDeviceCookie); err == nil {
		setCookie(c, plainDeviceCookie, "", -time.Second)
	}
}

func setCookie(c *gin.Context, name, value string, maxAge time.Duration) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(maxAge / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
