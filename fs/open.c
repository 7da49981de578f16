/* What is open: a list, so that nothing that was written is lost when the file system ends while files
 * are open (the kernel sends no RELEASE then). */
#include "fs/fs.h"

void fs_open_add(struct fs *fs, struct fs_open *open, void (*close)(struct fs *, struct fs_open *))
{
	open->close = close;
	pthread_mutex_lock(&fs->open_lock);
	open->prev = NULL;
	open->next = fs->opens;
	if (open->next)
		open->next->prev = open;
	fs->opens = open;
	pthread_mutex_unlock(&fs->open_lock);
}

void fs_open_close(struct fs *fs, struct fs_open *open)
{
	pthread_mutex_lock(&fs->open_lock);
	if (open->prev)
		open->prev->next = open->next;
	else
		fs->opens = open->next;
	if (open->next)
		open->next->prev = open->prev;
	pthread_mutex_unlock(&fs->open_lock);
	open->close(fs, open);
}

void fs_open_close_all(struct fs *fs)
{
	while (fs->opens)
		fs_open_close(fs, fs->opens);
}
