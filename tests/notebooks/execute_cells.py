"""Executes a notebook with Deno's kernel: python3 execute_cells.py FOLDER IN OUT; it runs in FOLDER.

As `jupyter nbconvert --execute`, but it goes on listening for a moment when the kernel says that a cell is done. Deno's
kernel (2.9.6) says so, on a busy machine in some of a hundred cells, before it has sent what the cell shows, and who
listens no longer loses that."""

import asyncio
import queue
import sys
import nbclient
import nbformat

folder, source, target = sys.argv[1:]
moment = 0.5  # seconds
notebook = nbformat.read(source, as_version=4)
client = nbclient.NotebookClient(notebook, timeout=500, resources={"metadata": {"path": folder}})


async def hear_the_rest(cell, cell_index, execute_reply):
    asked = execute_reply["parent_header"]["msg_id"]
    while True:
        try:
            message = await client.kc.iopub_channel.get_msg(timeout=moment)
        except queue.Empty:
            return
        if message["parent_header"].get("msg_id") == asked:
            client.process_message(message, cell, cell_index)


client.on_cell_executed = hear_the_rest
asyncio.run(client.async_execute())
nbformat.write(notebook, target)
