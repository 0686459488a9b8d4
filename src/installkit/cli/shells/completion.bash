# to keep it: installkit completion bash > ~/.local/share/bash-completion/completions/installkit
_installkit() {
    local line=${COMP_LINE:0:COMP_POINT} kind value
    local word=${line##*[[:space:]]}
    local rest=${word#--*=}
    # bash replaces only what stands behind the last = or : of a word
    local before=${rest%"${rest##*[$COMP_WORDBREAKS]}"}
    COMPREPLY=()
    while IFS=, read -r kind value; do
        value=${value%%$'\t'*}
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                COMPREPLY+=("${value#"$before"}")
                [[ $value != *= ]] || compopt -o nospace
                ;;
        esac
    done < <(COMP_WORDS=$line COMP_CWORD=$word _INSTALLKIT_COMPLETE=fish_complete installkit)
}
complete -o nosort -F _installkit installkit
