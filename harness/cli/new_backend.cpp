// normbench new-backend: a backend that does one thing, and that right, to begin with.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <system_error>

#include "harness/cli/checkout.h"
#include "harness/cli/new_files.h"
#include "harness/cli/peers.h"
#include "harness/cli/streams.h"
#include "harness/cli/support.h"
#include "harness/cli/verbs.h"
#include "harness/core/backend.h"

namespace normbench {
namespace {

namespace fs = std::filesystem;

struct NewBackendOptions {
  std::string name, plugin, folder;
  bool python = false;
};

// With more letters the template would have to be formatted otherwise.
constexpr std::size_t kLongestName = 24;

// Words of C++, which would be read as such; and names that the build, the tests, the scripts or
// the tables have for something else.
constexpr std::string_view kTaken =
    " alignas alignof and asm auto bool break case catch char class concept const consteval "
    "constexpr constinit continue decltype default delete do double else enum explicit export "
    "extern false float for friend goto if inline int long mutable namespace new noexcept not "
    "nullptr operator or private protected public register requires return short signed sizeof "
    "static struct switch template this throw true try typedef typeid typename union unsigned "
    "using virtual void volatile while xor "
    "all every install normbench test worker asan base ci dev portable release tidy "
    "clang-format cold node pytest copy read f32 f64 bf16 f16 ncl nlc on off "
    "batch group instance layer none rms backward ";

[[noreturn]] void refuse_name(const std::string& name, const std::string& why) {
  throw UsageError(fmt::format("new-backend '{}': {}: choose another name", name, why));
}

void check_name(const std::string& name) {
  static const std::regex form("[a-z][a-z0-9]*(-[a-z0-9]+)*");
  if (!std::regex_match(name, form)) {
    throw UsageError(
        fmt::format("new-backend '{}': a name is of lower-case letters, digits and single dashes "
                    "in between, and begins with a letter, such as my-norm",
                    name));
  }
  if (name.size() > kLongestName) {
    throw UsageError(fmt::format("new-backend '{}': a name has {} letters at most, and this has {}",
                                 name, kLongestName, name.size()));
  }
  if (kTaken.find(" " + name + " ") != std::string_view::npos) {
    refuse_name(name, "that is a word of C++, of the build, of its tests or of the tables");
  }
  for (const auto& backend : backends()) {
    if (backend->name() == name) refuse_name(name, "there is a backend of this name");
  }
  for (const NotBuilt& backend : not_built_backends()) {
    if (backend.name == name) refuse_name(name, "there is a backend of this name, not built here");
  }
  std::vector<std::string> peers = catalogue_of_peers();
  for (const Peer& peer : installed_peers()) peers.push_back(peer.name);
  if (std::find(peers.begin(), peers.end(), name) != peers.end()) {
    refuse_name(name, "there is a peer of this name (scripts/peers)");
  }
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// A word for a shell.
std::string shell_word(const std::string& word) {
  static const std::regex plain("[A-Za-z0-9_./+=:@%-]+");
  if (std::regex_match(word, plain)) return word;
  return "'" + replaced(word, "'", "'\\''") + "'";
}

// A file of impls/template, with the name instead of "mine" and the path of the sources.
std::string from_template(const fs::path& root, const char* file, const std::string& name) {
  std::string text = read_text(root / "impls" / "template" / file);
  text = replaced(text, "make_mine", "make_" + replaced(name, "-", "_"));
  text = replaced(text, "libmine", "lib" + name);
  text = std::regex_replace(text, std::regex("\\bmine\\b"), name);
  return replaced(text, "/path/to/normbench", shell_word(root.string()));
}

// What people type next, from the folder `here`, with `program` as they call it.
class NextCommands {
 public:
  NextCommands(fs::path here, const std::string& program, const fs::path& root)
      : here_(std::move(here)),
        program_(shell_word(program)),
        config_(shell_word(seen(root / "configs" / "quick.toml"))) {}

  // A path as it is called from here.
  std::string seen(const fs::path& path) const {
    const fs::path relative = path.lexically_relative(here_);
    if (relative.empty() || *relative.begin() == "..") return path.string();
    return relative.string();
  }

  std::string program_at(const fs::path& path) const {
    const std::string text = seen(path);
    return shell_word(text.starts_with('/') ? text : "./" + text);
  }

  // `with` is the flag of the file, if it is one.
  std::string measure(const std::string& name, const std::string& with) const {
    return fmt::format(
        "{0} verify --all{1} -b '^{2}$'\n"
        "{0} rank \"$({0} run {3}{1} -b '^({2}|naive)$')\"\n",
        program_, with, name, config_);
  }

 private:
  fs::path here_;
  std::string program_, config_;
};

void add_to_tree(const std::string& name) {
  const fs::path root = checkout();
  const fs::path source = root / "impls" / (name + ".cpp");
  const fs::path list = root / "impls" / "CMakeLists.txt";
  const fs::path support = root / "impls" / "SUPPORT.md";
  for (const fs::path& path : {source, root / "impls" / name}) {
    if (fs::exists(path)) refuse_name(name, path.string() + " is there already");
  }
  std::string lines = read_text(list);
  if (std::regex_search(lines, std::regex("add_backend\\(" + name + "[ )]"))) {
    refuse_name(name, list.string() + " has a line for it already");
  }
  // Behind the last line, before an empty one.
  std::size_t end = lines.rfind("\nwrite_registry()");
  if (end == std::string::npos) {
    throw UsageError(
        fmt::format("{}: there is no line write_registry(), before which the line of a backend "
                    "goes: put it back",
                    list.string()));
  }
  if (end > 0 && lines[end - 1] == '\n') --end;
  lines.insert(end + 1, "add_backend(" + name + ")\n");
  write_files({{source, from_template(root, "mine.cpp", name)}},
              {{list, lines},
               {support, with_support_section(read_text(support),
                                              from_template(root, "SUPPORT.md", name))}});

  const fs::path here = fs::current_path();
  const fs::path program = root / "build" / "release" / "normbench";
  const NextCommands paths(here, "", root);
  const NextCommands next(here, paths.seen(program), root);
  say("Written: {}, its line in {} and its section in {}. It is right as it is.\n"
      "The kernel goes into run(); {} says how. Next:\n",
      next.seen(source), next.seen(list), next.seen(support),
      next.seen(root / "impls" / "tutorial" / "tree.md"));
  out("{}\n{}", next.program_at(root / "scripts" / "build"), next.measure(name, ""));
  out("{} {}\n", next.program_at(root / "scripts" / "test"), name);
}

// A folder of its own, outside of the tree.
struct Language {
  const char* name;
  const char* source;  // in impls/template
  const char* build;   // there, too; nullptr: nothing is built
  const char* page;    // in impls/tutorial
};

constexpr Language kC = {"C", "mine.c", "build_c", "c.md"};
constexpr Language kCpp = {"C++", "mine.cpp", "build_cpp", "cpp.md"};
constexpr Language kPython = {"Python", "mine.py", nullptr, "python.md"};

std::string flag_of(const Language& language, const std::string& name, const NextCommands& next,
                    const fs::path& folder) {
  const bool is_built = language.build != nullptr;
  const std::string file = is_built ? "lib" + name + ".so" : name + ".py";
  return (is_built ? " --plugin " : " --python ") + shell_word(next.seen(folder / file));
}

std::string commands_of(const Language& language, const std::string& name, const NextCommands& next,
                        const fs::path& folder) {
  const std::string build =
      language.build == nullptr ? "" : next.program_at(folder / "build") + "\n";
  return build + next.measure(name, flag_of(language, name, next, folder));
}

void add_folder(const std::string& name, const Language& language, const fs::path& wanted,
                const std::string& program) {
  const fs::path root = checkout();
  const fs::path folder = fs::weakly_canonical(fs::absolute(wanted));
  if (fs::exists(fs::symlink_status(wanted))) {
    throw UsageError(fmt::format(
        "new-backend {}: {} is there already: remove it, or name another place with --folder", name,
        wanted.string()));
  }
  const NextCommands within(folder, fs::read_symlink("/proc/self/exe").string(), root);
  const NextCommands next(fs::current_path(), program, root);
  const fs::path page = root / "impls" / "tutorial" / language.page;
  std::vector<NewFile> files = {
      {name + fs::path(language.source).extension().string(),
       from_template(root, language.source, name)},
      {"README.md", fmt::format("# {}: a backend of normbench, in {}\n\nFrom this folder:\n\n"
                                "```sh\n{}```\n\n{} says how to go on.\n",
                                name, language.name, commands_of(language, name, within, folder),
                                page.string())}};
  if (language.build != nullptr) {
    files.push_back({"build", from_template(root, language.build, name), true});
  }
  write_folder(folder, files);

  say("Written: {}, which is right as it is. The kernel goes into run(); {} says how.\n{}Next:\n",
      next.seen(folder), next.seen(page),
      language.build == nullptr ? "It needs NumPy, which is python3-numpy of Debian. " : "");
  out("{}", commands_of(language, name, next, folder));
}

void make_backend(const NewBackendOptions& options, const CommandLine& command) {
  check_name(options.name);
  const bool in_tree = options.plugin.empty() && !options.python;
  if (in_tree && !options.folder.empty()) {
    throw UsageError(
        "--folder is for --plugin and --python: a backend of the tree is a file of impls/");
  }
  if (in_tree) return add_to_tree(options.name);
  add_folder(options.name,
             options.python          ? kPython
             : options.plugin == "c" ? kC
                                     : kCpp,
             options.folder.empty() ? fs::path(options.name) : fs::path(options.folder),
             command.words[0]);
}

}  // namespace

void add_new_backend(CLI::App& app, const CommandLine& command) {
  CLI::App* verb = app.add_subcommand(
      "new-backend", "A backend of your own to begin with: in impls/, or in a folder of its own");
  const auto options = std::make_shared<NewBackendOptions>();
  verb->add_option("name", options->name, "Its name, such as my-norm")->required();
  CLI::Option* plugin =
      verb->add_option("--plugin", options->plugin, "A shared object, outside of the tree")
          ->type_name("LANGUAGE")
          ->check(CLI::IsMember({"c", "c++"}));
  verb->add_flag("--python", options->python, "A file of Python, outside of the tree")
      ->excludes(plugin);
  verb->add_option("--folder", options->folder,
                   "Where --plugin and --python put it; ./NAME by default")
      ->type_name("DIR");
  verb->callback([options, &command] {
    try {
      make_backend(*options, command);
    } catch (const fs::filesystem_error& error) {
      throw UsageError(fmt::format("new-backend {}: {}", options->name, error.what()));
    }
  });
}

}  // namespace normbench
