#compdef installkit
# to keep it: installkit completion zsh > "${fpath[1]}/_installkit"
_installkit() {
    local -a answer told bare suffix
    local kind value said
    answer=("${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT - 1)) _INSTALLKIT_COMPLETE=zsh_complete installkit)}")
    # what is found is the value of an option, and stands behind its =
    [[ ${words[CURRENT]} == --*=* ]] && compset -P 1 '*='
    for kind value said in "${answer[@]}"; do
        case $kind in
            (dir) _files -/ ;;
            (file) _files ;;
            (plain)
                [[ $value == *= ]] && suffix=(-S '')
                if [[ $said == _ ]]; then bare+=("$value"); else told+=("$value:$said"); fi
                ;;
        esac
    done
    (( $#told )) && _describe -V installkit told "${suffix[@]}"
    (( $#bare )) && compadd -V installkit "${suffix[@]}" -a bare
}
if [[ $funcstack[1] == _installkit ]]; then
    _installkit "$@"
else
    compdef _installkit installkit
fi
