# SPDX-License-Identifier: 0BSD
# shellcheck shell=bash
# Completion of @NAME@-celery for bash. Made by the Ansible collection celeriac.django.
# It asks nothing that needs a right: neither sudo nor the project, whose secrets it would need.
_celeriac_complete() {
  local word=$2 celery=@CELERY@ line words=""
  COMPREPLY=()
  case $COMP_CWORD:${COMP_WORDS[1]} in
    1:*) words="queues dead pause resume drain run logs" ;;
    2:pause | 2:resume) words=@POOLS@ ;;
    2:dead) words="list retry drop" ;;
    2:drain) words=${HOSTNAME:-} ;;
  esac
  case ${COMP_WORDS[1]} in
    queues | dead | pause | resume | drain | run | logs)
      [[ $COMP_CWORD -gt 1 && $word == -* ]] && words="--json --help"
      ;;
    *)
      if [[ -x $celery ]]; then
        # click's own: each line is a kind and a word.
        while IFS=, read -r _ line; do
          words+=" $line"
        done < <(COMP_WORDS="celery ${COMP_WORDS[*]:1}" COMP_CWORD=$COMP_CWORD _CELERY_COMPLETE=bash_complete "$celery" 2>/dev/null)
      fi
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _celeriac_complete @NAME@-celery
