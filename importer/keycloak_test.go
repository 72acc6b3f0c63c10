package importer_test

// keycloakCredentials are secretData and credentialData by algorithm.
func keycloakCredentials() map[string][2]string {
	return map[string][2]string{
		"pbkdf2-sha256": {`{"value": "aaA0iGiP85q8LrD7zj5yiZCThu6Dwznt047TYIER/A5cxv7M6dz+E/VP7JewhhXY7VJuNz1HSye1IIWfI2PC8Q==", "salt": "MDEyMzQ1Njc4OWFiY2RlZg==", "additionalParameters": {}}`,
			`{"hashIterations": 1000, "algorithm": "pbkdf2-sha256", "additionalParameters": {}}`},
		"pbkdf2-sha512": {`{"value": "rEmXD2lBNZfbXwrNBX8JFdv31VAtEeIIQ6ERgrS/fBNHqVYYPNKXLSELJWy/5V6yEyMhwnA0Iv0pluTgDMYJXw==", "salt": "MDEyMzQ1Njc4OWFiY2RlZg==", "additionalParameters": {}}`,
			`{"hashIterations": 1000, "algorithm": "pbkdf2-sha512", "additionalParameters": {}}`},
		"argon2": {`{"value": "s/6C1DfwwMlGTNxAOItp44cXHVlx/Wn31Fml6WKyUdY=", "salt": "MDEyMzQ1Njc4OWFiY2RlZg==", "additionalParameters": {}}`,
			`{"hashIterations": 2, "algorithm": "argon2", "additionalParameters": {"hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}}`},
	}
}
