{{- /* The operator's configuration: `config`, and on top of it what the chart knows of Prometheus. */ -}}
{{- define "gpucost.configuration" -}}
{{- $config := deepCopy .Values.config -}}
{{- $prometheus := default dict $config.prometheus -}}
{{- with .Values.prometheus.url }}{{ $_ := set $prometheus "url" . }}{{ end -}}
{{- if .Values.prometheus.tokenSecret.name }}{{ $_ := set $prometheus "tokenFile" "/etc/gpucost/prometheus/token" }}{{ end -}}
{{- if or .Values.prometheus.caSecret.name .Values.prometheus.caConfigMap.name -}}
{{- $_ := set $prometheus "caFile" "/etc/gpucost/prometheus/ca.crt" -}}
{{- end -}}
{{- toYaml (set $config "prometheus" $prometheus) -}}
{{- end -}}

{{- /* URL of Prometheus, from wherever it is told. */ -}}
{{- define "gpucost.prometheusUrl" -}}
{{- dig "prometheus" "url" "" (include "gpucost.configuration" . | fromYaml) -}}
{{- end -}}

{{- /* Volumes of a pod that reads the configuration, and their mounts below. */ -}}
{{- define "gpucost.volumes" -}}
- name: config
  configMap:
    name: {{ include "gpucost.fullname" . }}
- name: tmp
  emptyDir:
    sizeLimit: 16Mi
{{- with .Values.prometheus }}
{{- if or .tokenSecret.name .caSecret.name .caConfigMap.name }}
- name: prometheus
  projected:
    defaultMode: 0440
    sources:
      {{- with .tokenSecret }}
      {{- if .name }}
      - secret:
          name: {{ .name }}
          items:
            - key: {{ .key }}
              path: token
      {{- end }}
      {{- end }}
      {{- with .caSecret }}
      {{- if .name }}
      - secret:
          name: {{ .name }}
          items:
            - key: {{ .key }}
              path: ca.crt
      {{- end }}
      {{- end }}
      {{- with .caConfigMap }}
      {{- if .name }}
      - configMap:
          name: {{ .name }}
          items:
            - key: {{ .key }}
              path: ca.crt
      {{- end }}
      {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "gpucost.volumeMounts" -}}
- name: config
  mountPath: /etc/gpucost/config
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- with .Values.prometheus }}
{{- if or .tokenSecret.name .caSecret.name .caConfigMap.name }}
- name: prometheus
  mountPath: /etc/gpucost/prometheus
  readOnly: true
{{- end }}
{{- end }}
{{- end -}}
