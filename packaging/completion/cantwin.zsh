#compdef cantwin cantwin-gateway cantwin-fleet cantwin-sim
# zsh completion of cantwin and its daemons: commands and options are read from --help, so they are always the program's own.
local -a line found
local help cur=$words[CURRENT] program=${words[1]:t}
integer i
line=($words[1])
if [[ $program == cantwin ]]; then
    for ((i = 2; i < CURRENT; i++)); do
        [[ $words[i] == [a-z]* ]] || break
        line+=($words[i])
    done
fi
# The deepest command whose help there is: `cantwin dbc check`, `cantwin dbc`, `cantwin`.
until help=$($line --help 2>/dev/null </dev/null); do
    (($#line > 1)) || break
    line[-1]=()
done
if [[ $cur == -* ]]; then
    found=(${(fu)"$(grep -oE -- '(^|[ |[])--?[a-zA-Z][a-z_.-]*' <<<$help | tr -d ' |[')"})
elif ((CURRENT == $#line + 1)) && [[ $program == cantwin ]]; then
    # Rows of commands and verbs, and verbs in the lines of usage.
    found=(${(fu)"$(
        sed -nE '/^(commands|verbs):/,/^$/s/^  ([a-z]+) .*/\1/p' <<<$help
        sed -nE "s/^(usage:|      ) ${line//*\//} ([a-z]+) .*/\2/p" <<<$help
    )"})
fi
(($#found)) && compadd -- $found || _files
