// What is wrong with a configuration, and where: collected, so that one run shows all of it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace fulcrum::config {

// A position in a YAML file; lines and columns count from 1, 0 means "the file as a whole".
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  std::string ToString() const;  // file:line:column
};

struct Problem {
  Place place;
  std::string message;

  std::string ToString() const;  // file:line:column: message
};

// Keeps the first kProblemsMax problems and counts the others. Not thread-safe.
class Problems {
 public:
  static constexpr size_t kProblemsMax = 20;

  void Add(Place place, std::string message);
  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  const std::vector<Problem>& kept() const { return kept_; }
  void SortByPlace();  // the kept ones; those of one place stay in order

  // OK if there are none, otherwise INVALID_ARGUMENT with one problem per line.
  absl::Status ToStatus() const;

 private:
  std::vector<Problem> kept_;
  size_t count_ = 0;
};

}  // namespace fulcrum::config
