#include "cli/completion.h"

#include <set>
#include <vector>

namespace mayfly::cli {

namespace {

/// Flag is one option of a verb: "--role", with what it takes.
struct Flag {
    std::vector<std::string> names;  ///< with their dashes
    std::string help;
    bool takes_value = false;
    std::vector<std::string> values;  ///< the only values, when they are few
};

struct Word {
    std::string name, help;
};

/// Node is one node of the tree. `path` is "" for the program, " ssh", " ssh cert".
struct Node {
    std::string path;
    std::vector<Word> words;
    std::vector<Flag> flags;
};

/// CLI11 keeps the members of IsMember in the description of the type: "TEXT:{table,json}".
std::vector<std::string> members_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const auto open = type.find(":{"), close = type.rfind('}');
    std::vector<std::string> out;
    if (open == std::string::npos || close == std::string::npos) return out;
    for (std::size_t at = open + 2; at < close;) {
        const auto end = std::min(type.find(',', at), close);
        out.push_back(type.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

std::vector<Flag> flags_of(const CLI::App& app) {
    std::vector<Flag> out;
    for (const auto* option : app.get_options()) {
        Flag flag{{}, option->get_description(), option->get_items_expected_max() > 0, members_of(*option)};
        for (const auto& name : option->get_lnames()) flag.names.push_back("--" + name);
        for (const auto& name : option->get_snames()) flag.names.push_back("-" + name);
        if (!flag.names.empty()) out.push_back(std::move(flag));  // positionals have none
    }
    return out;
}

void walk(const CLI::App& app, const std::string& path, const std::vector<Flag>& inherited, std::vector<Node>& out) {
    Node verb{path, {}, flags_of(app)};
    std::set<std::string> known;
    for (const auto& flag : verb.flags) known.insert(flag.names.begin(), flag.names.end());
    for (const auto& flag : inherited)
        if (known.count(flag.names.front()) == 0) verb.flags.push_back(flag);
    const auto below = app.get_subcommands([](const CLI::App*) { return true; });
    for (const auto* child : below) verb.words.push_back({child->get_name(), child->get_description()});
    out.push_back(verb);
    for (const auto* child : below) walk(*child, path + " " + child->get_name(), verb.flags, out);
}

/// 'text' for bash and zsh.
std::string single(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

/// 'text' for fish, where a quote and a backslash are escaped inside.
std::string single_fish(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += (c == '\'' || c == '\\' ? "\\" : "") + std::string(1, c);
    return out + "'";
}

std::string spaced(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
    return out;
}

/// "' ssh' | ' ssh cert'": the paths below the root, as patterns of a case.
std::string paths(const std::vector<Node>& verbs) {
    std::string out;
    for (const auto& verb : verbs)
        if (!verb.path.empty()) out += (out.empty() ? "" : " | ") + single(verb.path);
    return out;
}

/// "' ssh/-o' | ' ssh/--output'"
std::string places(const Node& verb, const Flag& flag) {
    std::string out;
    for (const auto& name : flag.names) out += (out.empty() ? "" : " | ") + single(verb.path + "/" + name);
    return out;
}

std::string bash(const std::vector<Node>& verbs) {
    std::string out =
        "# bash completion for mayfly, as `mayfly completion bash` prints it.\n"
        "_mayfly() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} at='' words='' i\n"
        "    COMPREPLY=()\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        [ \"${COMP_WORDS[i]}\" != -- ] || return 0\n"
        "        case \"$at ${COMP_WORDS[i]}\" in\n"
        "            " +
        paths(verbs) +
        ") at=\"$at ${COMP_WORDS[i]}\" ;;\n"
        "        esac\n"
        "    done\n"
        "    case \"$at/$before\" in\n";
    for (const auto& verb : verbs)
        for (const auto& flag : verb.flags)
            if (flag.takes_value)
                out += "        " + places(verb, flag) + ") " +
                       (flag.values.empty() ? "return 0" : "words=" + single(spaced(flag.values))) + " ;;\n";
    out +=
        "        *)\n"
        "            case \"$at\" in\n";
    for (const auto& verb : verbs) {
        std::vector<std::string> all;
        for (const auto& word : verb.words) all.push_back(word.name);
        for (const auto& flag : verb.flags) all.insert(all.end(), flag.names.begin(), flag.names.end());
        out += "                " + single(verb.path) + ") words=" + single(spaced(all)) + " ;;\n";
    }
    return out +
           "            esac ;;\n"
           "    esac\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
           "}\n"
           "complete -o default -F _mayfly mayfly\n";
}

/// "name:help" as zsh's _describe takes it.
std::string described(const std::string& name, const std::string& help) { return " " + single(name + ":" + help); }

std::string zsh(const std::vector<Node>& verbs) {
    std::string out =
        "#compdef mayfly\n"
        "# zsh completion for mayfly, as `mayfly completion zsh` prints it.\n"
        "_mayfly() {\n"
        "    local at='' i\n"
        "    local -a items\n"
        "    for ((i = 2; i < CURRENT; i++)); do\n"
        "        [[ ${words[i]} != -- ]] || { _files; return }\n"
        "        case \"$at ${words[i]}\" in\n"
        "            (" +
        paths(verbs) +
        ") at=\"$at ${words[i]}\" ;;\n"
        "        esac\n"
        "    done\n"
        "    case \"$at/${words[CURRENT - 1]}\" in\n";
    for (const auto& verb : verbs)
        for (const auto& flag : verb.flags)
            if (flag.takes_value)
                out += "        (" + places(verb, flag) + ") " +
                       (flag.values.empty() ? "_files; return" : "items=(" + spaced(flag.values) + ")") + " ;;\n";
    out +=
        "        (*)\n"
        "            case \"$at\" in\n";
    for (const auto& verb : verbs) {
        out += "                (" + single(verb.path) + ") items=(";
        for (const auto& word : verb.words) out += described(word.name, word.help);
        for (const auto& flag : verb.flags)
            for (const auto& name : flag.names) out += described(name, flag.help);
        out += " ) ;;\n";
    }
    return out +
           "            esac ;;\n"
           "    esac\n"
           "    _describe mayfly items || _files\n"
           "}\n"
           "if [ \"${funcstack[1]}\" = _mayfly ]; then _mayfly \"$@\"; else compdef _mayfly mayfly; fi\n";
}

std::string fish(const std::vector<Node>& verbs) {
    std::string known;
    for (const auto& verb : verbs)
        if (!verb.path.empty()) known += " " + single_fish(verb.path);
    std::string out =
        "# fish completion for mayfly, as `mayfly completion fish` prints it.\n"
        "function __mayfly_at\n"
        "    set -l at ''\n"
        "    for word in (commandline -opc)[2..-1]\n"
        "        if contains -- \"$at $word\"" +
        known +
        "\n"
        "            set at \"$at $word\"\n"
        "        end\n"
        "    end\n"
        "    test \"$at\" = \"$argv[1]\"\n"
        "end\n";
    for (const auto& verb : verbs) {
        const std::string when = "complete -c mayfly -n " + single_fish("__mayfly_at " + single_fish(verb.path));
        for (const auto& word : verb.words)
            out += when + " -f -a " + single_fish(word.name) + " -d " + single_fish(word.help) + "\n";
        for (const auto& flag : verb.flags) {
            out += when;
            for (const auto& name : flag.names)
                out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            if (!flag.values.empty())
                out += " -x -a " + single_fish(spaced(flag.values));
            else if (flag.takes_value)
                out += " -r";
            out += " -d " + single_fish(flag.help) + "\n";
        }
    }
    return out;
}

}  // namespace

Result<std::string> completion_script(const CLI::App& root, std::string_view shell) {
    std::vector<Node> verbs;
    walk(root, "", {}, verbs);
    if (shell == "bash") return bash(verbs);
    if (shell == "zsh") return zsh(verbs);
    if (shell == "fish") return fish(verbs);
    return fail(Code::unsupported, "there is no completion for this shell", "E-USAGE", "bash, zsh and fish have one",
                {});
}

}  // namespace mayfly::cli
