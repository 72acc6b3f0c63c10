package django

import "net/http"

// metadata is what a view of Django REST Framework says about itself in answer to OPTIONS. Its description is empty, because that
// is the documentation in a view's source.
type metadata struct {
	Name        string                              `json:"name"`
	Description string                              `json:"description"`
	Renders     []string                            `json:"renders"`
	Parses      []string                            `json:"parses"`
	Actions     map[string]map[string]metadataField `json:"actions,omitempty"`
}

type metadataField struct {
	Type     string `json:"type"`
	Required bool   `json:"required"`
	ReadOnly bool   `json:"read_only"`
	Label    string `json:"label"`
}

func describeView(name string) metadata {
	return metadata{
		Name: name, Renders: []string{"application/json"},
		Parses: []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data"},
	}
}

// posting returns the metadata of a view to which fields are posted, by their names.
func (m metadata) posting(fields map[string]metadataField) metadata {
	m.Actions = map[string]map[string]metadataField{http.MethodPost: fields}
	return m
}

func requiredField(label string) metadataField {
	return metadataField{Type: "string", Required: true, Label: label}
}

func credentialFields() map[string]metadataField {
	return map[string]metadataField{"email": requiredField("Email"), "password": requiredField("Password")}
}

func tokenFields() map[string]metadataField {
	return map[string]metadataField{"token": requiredField("Token")}
}

func refreshFields() map[string]metadataField {
	return map[string]metadataField{
		"refresh": requiredField("Refresh"), "access": {Type: "string", ReadOnly: true, Label: "Access"},
	}
}
