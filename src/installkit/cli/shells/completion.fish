# to keep it: installkit completion fish > ~/.config/fish/completions/installkit.fish
function __installkit_complete
    set -l line (commandline -cp | string join ' ')
    set -l word (commandline -ct | string join ' ')
    # what is found is the value of an option, and stands behind its =
    set -l option (string match -r -- '^--[^=]+=' "$word")
    for answer in (env COMP_WORDS="$line" COMP_CWORD="$word" _INSTALLKIT_COMPLETE=fish_complete installkit)
        set -l found (string split -m 1 , -- $answer)
        switch $found[1]
            case dir
                set found[2] (__fish_complete_directories $found[2] | string collect)
            case file
                set found[2] (__fish_complete_path $found[2] | string collect)
        end
        string split \n -- "$found[2]" | string replace -r -- '^' "$option"
    end
end
complete --command installkit --no-files --arguments '(__installkit_complete)'
