#!/bin/sh
# Make the namespace, and the search attributes that Backburner starts its workflows with.
set -eu
temporal operator namespace describe --namespace default >/dev/null 2>&1 \
  || temporal operator namespace create --namespace default --retention 7d
until temporal operator search-attribute list --namespace default >/dev/null 2>&1; do sleep 1; done
for name in JobType JobTenant ParentJob; do
  temporal operator search-attribute list --namespace default | grep -q "$name" \
    || temporal operator search-attribute create --namespace default --name "$name" --type Keyword
done
