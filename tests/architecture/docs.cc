#include "tests/architecture/docs.h"

#include <algorithm>
#include <functional>
#include <map>
#include <regex>

#include "tests/architecture/source_tree.h"

namespace fulcrum::architecture {
namespace {

namespace fs = std::filesystem;

constexpr char kRecords[] = "docs/adr";
constexpr char kMetricsPage[] = "docs/metrics.md";

// Calls visit(where, match) for every match of `pattern` in `files`; `where` is "file:line: ".
void ForEachMatch(const fs::path& root, const std::vector<std::string>& files,
                  const std::regex& pattern,
                  const std::function<void(const std::string&, const std::string& where,
                                           const std::string& match)>& visit) {
  for (const std::string& file : files) {
    const auto lines = ReadLines(root / file);
    for (size_t i = 0; i < lines.size(); ++i) {
      const std::string& line = lines[i];
      for (std::sregex_iterator it(line.begin(), line.end(), pattern), end; it != end; ++it) {
        visit(file, file + ":" + std::to_string(i + 1) + ": ", (*it)[1].str());
      }
    }
  }
}

std::vector<std::string> Join(std::vector<std::string> first,
                              const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::vector<std::string> Documents(const fs::path& root) {
  std::vector<std::string> files = Join(FilesBelow(root, "docs", {".md"}), {"src/README.md"});
  for (const char* folder : {"deploy", "bench", "tests", "proto", "configs"}) {
    files = Join(std::move(files), FilesBelow(root, folder, {".md"}));
  }
  return Join(std::move(files), {"README.md", "CONTRIBUTING.md"});
}

// Whether some record starts with `number`, such as "0005".
bool HasRecord(const fs::path& root, const std::string& number) {
  const auto records = FilesBelow(root, kRecords, {".md"});
  return std::any_of(records.begin(), records.end(), [&](const std::string& path) {
    return path.starts_with(std::string(kRecords) + "/" + number + "-");
  });
}

void CheckLinks(const fs::path& root, std::vector<std::string>* findings) {
  static const std::regex kLink(R"(\]\(([^)#]+)[^)]*\))");
  ForEachMatch(root, Documents(root), kLink,
               [&](const std::string& file, const std::string& where, const std::string& link) {
                 if (link.find("://") != std::string::npos || link.starts_with("mailto:")) return;
                 if (!fs::exists(root / fs::path(file).parent_path() / link)) {
                   findings->push_back(where + "the link " + link + " leads nowhere.");
                 }
               });
}

void CheckMentions(const fs::path& root, std::vector<std::string>* findings) {
  std::vector<std::string> files;
  for (const char* folder : {"src", "include", "proto", "tests", "bench", "cmake", "scripts"}) {
    files = Join(std::move(files),
                 FilesBelow(root, folder, {".h", ".cc", ".proto", ".cmake", ".sh", ".txt"}));
  }
  static const std::regex kDocument(R"(\b(docs/[a-z0-9_/-]+\.md)\b)");
  ForEachMatch(root, files, kDocument,
               [&](const std::string& file, const std::string& where, const std::string& name) {
                 if (file.starts_with("tests/architecture/docs_test.")) return;  // made-up names
                 if (file.starts_with("tests/architecture/habits_test.")) return;
                 if (!fs::exists(root / name)) findings->push_back(where + name + " is missing.");
               });
  static const std::regex kRecord(R"(\bdocs/adr/(\d{4})\b)");
  ForEachMatch(root, files, kRecord,
               [&](const std::string& file, const std::string& where, const std::string& number) {
                 if (file.starts_with("tests/architecture/docs_test.")) return;
                 if (!HasRecord(root, number)) {
                   findings->push_back(where + "docs/adr/" + number + " is missing.");
                 }
               });
}

void CheckRecords(const fs::path& root, std::vector<std::string>* findings) {
  const std::string index = std::string(kRecords) + "/README.md";
  const auto lines = ReadLines(root / index);
  for (const std::string& path : FilesBelow(root, kRecords, {".md"})) {
    const std::string name = fs::path(path).filename().string();
    if (name == "README.md") continue;
    if (std::none_of(lines.begin(), lines.end(), [&](const std::string& line) {
          return line.find("(" + name + ")") != std::string::npos;
        })) {
      findings->push_back(path + ":1: not listed in " + index + ".");
    }
  }
}

// What `pattern` names in `files`, each with the first place that does.
std::map<std::string, std::string> Names(const fs::path& root,
                                         const std::vector<std::string>& files,
                                         const std::regex& pattern) {
  std::map<std::string, std::string> names;
  ForEachMatch(root, files, pattern,
               [&](const std::string&, const std::string& where, const std::string& name) {
                 names.emplace(name, where);
               });
  return names;
}

void CheckMetrics(const fs::path& root, std::vector<std::string>* findings) {
  static const std::regex kLiteral(R"x("(fulcrum_[a-z0-9_]+)")x");
  static const std::regex kAny(R"(\b(fulcrum_[a-z0-9_]+)\b)");
  // Outside of the page, a word that begins like a metric may be a target or a package.
  static const std::regex kWithUnit(
      R"(\b(fulcrum_[a-z0-9_]+_(?:total|seconds|bytes|micros|ratio|info|records))\b)");
  const auto defined = Names(
      root, Join(SourceFiles(root, "src/telemetry"), SourceFiles(root, "src/apps")), kLiteral);
  const auto described = Names(root, {kMetricsPage}, kAny);
  auto named = Names(root,
                     Join(FilesBelow(root, "docs", {".md"}),
                          FilesBelow(root, "deploy", {".md", ".yaml", ".yml", ".json", ".rules"})),
                     kWithUnit);
  named.insert(described.begin(), described.end());
  for (const auto& [name, where] : named) {
    if (!defined.contains(name)) findings->push_back(where + "there is no metric " + name + ".");
  }
  for (const auto& [name, where] : defined) {
    if (described.contains(name)) continue;
    findings->push_back(where + "the metric " + name + " is not in " + kMetricsPage + ".");
  }
}

}  // namespace

std::vector<std::string> CheckDocs(const fs::path& root) {
  std::vector<std::string> findings;
  CheckLinks(root, &findings);
  CheckMentions(root, &findings);
  CheckRecords(root, &findings);
  CheckMetrics(root, &findings);
  return findings;
}

}  // namespace fulcrum::architecture
