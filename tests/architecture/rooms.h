// Reads a tree of Fulcrum's shape (src/rooms.txt, src/, include/, proto/) and says what breaks the
// rules of src/rooms.txt. Stateless; every finding reads "file:line: sentence", paths relative to
// the root. An unreadable tree is itself a finding, so that nothing passes by being absent.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fulcrum::architecture {

// One line of src/rooms.txt.
struct Room {
  std::string name;
  std::vector<std::string> uses;  // "*" = every room
  std::vector<std::string> third_parties;
  int line = 0;
};

struct RoomsFile {
  std::vector<Room> rooms;  // in the order of the file
  std::vector<std::string> findings;
};

RoomsFile ReadRoomsFile(const std::filesystem::path& root);

// All rules; empty if the tree keeps them.
std::vector<std::string> CheckRooms(const std::filesystem::path& root);

// The rooms that are headings ("## `room`") of src/README.md are those of src/rooms.txt, in order.
std::vector<std::string> CheckReadme(const std::filesystem::path& root);

}  // namespace fulcrum::architecture
