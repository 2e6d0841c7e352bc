{{- define "gpucost.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* Names of objects get suffixes of up to 10 characters. */ -}}
{{- define "gpucost.fullname" -}}
{{- $name := include "gpucost.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $full .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "gpucost.serviceAccountName" -}}
{{- default (include "gpucost.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "gpucost.releaseLabels" -}}
app.kubernetes.io/name: {{ include "gpucost.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gpucost.labels" -}}
{{ include "gpucost.releaseLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- /* What the Deployment, the Service and the monitors select; the pod of `helm test` is another component. */ -}}
{{- define "gpucost.selectorLabels" -}}
{{ include "gpucost.releaseLabels" . }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "gpucost.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}
