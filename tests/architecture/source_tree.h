// Reading a source tree: files, lines and includes. Stateless. What is absent reads as empty; the
// checks that build on it must notice.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fulcrum::architecture {

// One #include. `file` is relative to the root, with '/'.
struct Include {
  std::string file;
  int line = 0;
  std::string path;
  bool quoted = false;
};

// The tree under test: the environment's FULCRUM_SOURCE_DIR, or else the one this was built from.
std::filesystem::path SourceRoot();

std::vector<std::string> ReadLines(const std::filesystem::path& file);
std::vector<std::string> Words(const std::string& line);

// Names of the folders directly in root/folder, sorted.
std::vector<std::string> Folders(const std::filesystem::path& root, const std::string& folder);

// Files below root/folder with one of the endings, relative to the root, sorted.
std::vector<std::string> FilesBelow(const std::filesystem::path& root, const std::string& folder,
                                    const std::vector<std::string>& endings);

// The same for .h and .cc.
std::vector<std::string> SourceFiles(const std::filesystem::path& root, const std::string& folder);

// Every #include of the sources below root/folder, in order.
std::vector<Include> ReadIncludes(const std::filesystem::path& root, const std::string& folder);

}  // namespace fulcrum::architecture
