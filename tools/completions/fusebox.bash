# bash completion for fusebox.  What it offers comes from `fusebox --help` itself, so it is never behind.
_fusebox() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command="" nested="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --)  # the command to run: complete as if it stood alone
        if declare -F _command_offset >/dev/null; then _command_offset $((i + 1)); else compopt -o default; fi
        return ;;
      -*) ;;
      *)
        if [ -z "$command" ]; then command=${COMP_WORDS[i]}
        elif [ -z "$nested" ]; then nested=${COMP_WORDS[i]}; fi ;;
    esac
  done
  case $previous in
    --profile) mapfile -t COMPREPLY < <(compgen -W "default build strict secrets gentoo" -- "$word"); return ;;
    --audit) mapfile -t COMPREPLY < <(compgen -W "violations files all io" -- "$word"); return ;;
    --transport) mapfile -t COMPREPLY < <(compgen -W "auto io-uring dev-fuse single" -- "$word"); return ;;
    --net) mapfile -t COMPREPLY < <(compgen -W "none host" -- "$word"); return ;;
    --violations) mapfile -t COMPREPLY < <(compgen -W "fail report" -- "$word"); return ;;
    --caps) mapfile -t COMPREPLY < <(compgen -W "box all none" -- "$word"); return ;;
    --op) mapfile -t COMPREPLY < <(compgen -W "stat read write" -- "$word"); return ;;
  esac
  case $command in
    diff|apply|discard|export)
      if [ -z "$nested" ] && [[ $word != -* ]]; then
        local boxes=${XDG_DATA_HOME:-$HOME/.local/share}/fusebox/boxes
        [ "$(id -u)" = 0 ] && boxes=/var/lib/fusebox/boxes
        mapfile -t COMPREPLY < <(compgen -W "$(ls "$boxes" 2>/dev/null)" -- "$word")
        return
      fi ;;
  esac
  local help offers
  case $command in
    policy|seccomp) [ -z "$nested" ] || command="$command $nested" ;;
  esac
  # shellcheck disable=SC2086  # one or two words
  help=$("${COMP_WORDS[0]}" $command --help 2>/dev/null)
  if [[ $word == -* ]]; then
    offers=$(grep -oE -- '(^|[ ,])--?[a-z][a-z-]*' <<<"$help" | tr -d ' ,')
  else
    offers=$(sed -n '/^Subcommands:/,/^$/s/^  \([a-z-]*\).*/\1/p' <<<"$help")
    [ -n "$offers" ] || compopt -o default
  fi
  mapfile -t COMPREPLY < <(compgen -W "$offers" -- "$word")
}
complete -F _fusebox fusebox
