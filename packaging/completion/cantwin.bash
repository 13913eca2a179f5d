# bash completion of cantwin and its daemons: commands and options are read from --help, so they are always the program's own.
_cantwin() {
    local cur=${COMP_WORDS[COMP_CWORD]} words=() help i
    COMPREPLY=()
    for ((i = 0; i < COMP_CWORD; i++)); do
        [[ $i -gt 0 && ${COMP_WORDS[i]} != [a-z]* ]] && break
        words+=("${COMP_WORDS[i]}")
    done
    [ "${words[0]##*/}" = cantwin ] || words=("${words[0]}")
    # The deepest command whose help there is: `cantwin dbc check`, `cantwin dbc`, `cantwin`.
    while ! help=$("${words[@]}" --help 2>/dev/null </dev/null) && [ ${#words[@]} -gt 1 ]; do
        unset 'words[-1]'
    done
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(grep -oE -- '(^|[ |[])--?[a-zA-Z][a-z_.-]*' <<<"$help" | tr -d ' |[' | sort -u)" -- "$cur")
    elif [ $COMP_CWORD -eq ${#words[@]} ] && [ "${words[0]##*/}" = cantwin ]; then
        # Rows of commands and verbs, and verbs in the lines of usage.
        mapfile -t COMPREPLY < <(compgen -W "$({
            sed -nE '/^(commands|verbs):/,/^$/s/^  ([a-z]+) .*/\1/p' <<<"$help"
            sed -nE "s/^(usage:|      ) ${words[*]##*/} ([a-z]+) .*/\2/p" <<<"$help"
        } | sort -u)" -- "$cur")
    fi
    [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _cantwin cantwin cantwin-gateway cantwin-fleet cantwin-sim
