// Whether the documents still speak of things that exist. Stateless; findings read
// "file:line: sentence".
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fulcrum::architecture {

// Relative links of *.md lead to files; docs/*.md and docs/adr/NNNN named in sources exist; every
// record of docs/adr is listed in its README; metrics named in docs/ and deploy/ exist in the
// sources, and docs/metrics.md names them all.
std::vector<std::string> CheckDocs(const std::filesystem::path& root);

}  // namespace fulcrum::architecture
