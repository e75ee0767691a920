#include "tests/architecture/source_tree.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace fulcrum::architecture {
namespace {

namespace fs = std::filesystem;

size_t SkipBlanks(const std::string& line, size_t at) {
  while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
  return at;
}

// Reads `#include <path>` or `#include "path"` into `include`.
bool ParseInclude(const std::string& line, Include* include) {
  size_t at = SkipBlanks(line, 0);
  if (at >= line.size() || line[at] != '#') return false;
  at = SkipBlanks(line, at + 1);
  constexpr std::string_view kWord = "include";
  if (line.compare(at, kWord.size(), kWord) != 0) return false;
  at = SkipBlanks(line, at + kWord.size());
  if (at >= line.size() || (line[at] != '<' && line[at] != '"')) return false;
  const char closing = line[at] == '<' ? '>' : '"';
  const size_t end = line.find(closing, at + 1);
  if (end == std::string::npos) return false;
  include->quoted = closing == '"';
  include->path = line.substr(at + 1, end - at - 1);
  return true;
}

}  // namespace

fs::path SourceRoot() {
  const char* from_environment = std::getenv("FULCRUM_SOURCE_DIR");
  return from_environment == nullptr ? FULCRUM_SOURCE_DIR : from_environment;
}

std::vector<std::string> ReadLines(const fs::path& file) {
  std::vector<std::string> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> Words(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream stream(line);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::vector<std::string> Folders(const fs::path& root, const std::string& folder) {
  std::vector<std::string> names;
  if (!fs::is_directory(root / folder)) return names;
  for (const auto& entry : fs::directory_iterator(root / folder)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> FilesBelow(const fs::path& root, const std::string& folder,
                                    const std::vector<std::string>& endings) {
  std::vector<std::string> files;
  if (!fs::is_directory(root / folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path().lexically_relative(root).generic_string();
    if (std::any_of(endings.begin(), endings.end(),
                    [&](const std::string& ending) { return path.ends_with(ending); })) {
      files.push_back(path);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> SourceFiles(const fs::path& root, const std::string& folder) {
  return FilesBelow(root, folder, {".h", ".cc"});
}

std::vector<Include> ReadIncludes(const fs::path& root, const std::string& folder) {
  std::vector<Include> includes;
  for (const std::string& file : SourceFiles(root, folder)) {
    const auto lines = ReadLines(root / file);
    for (size_t i = 0; i < lines.size(); ++i) {
      Include include{.file = file, .line = static_cast<int>(i) + 1, .path = {}, .quoted = false};
      if (ParseInclude(lines[i], &include)) includes.push_back(include);
    }
  }
  return includes;
}

}  // namespace fulcrum::architecture
