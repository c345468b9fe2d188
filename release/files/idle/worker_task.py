class WorkerTask(object):

    def call(self):
        pass
